// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import org.quiesce.cr.CrException;
import org.quiesce.wire.proto.Frame;

/** Is told what comes from the nodes, on threads of the connections: it hands everything on at once. */
public interface NodeListener {
    /** A frame has come. The first one of a node is its NodeHello. */
    void received(int node, Frame frame);

    /** The node cannot be reached, did not prove the key, spoke nonsense, or its connection broke. Told once. */
    void lost(int node, CrException why);
}
