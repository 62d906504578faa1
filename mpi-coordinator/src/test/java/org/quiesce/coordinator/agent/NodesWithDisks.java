// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.quiesce.cr.image.ImageFile;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.Moved;
import org.quiesce.wire.proto.Phase;
import org.quiesce.wire.proto.RankResult;

/** Two nodes of one rank each, which write real images and move them when they are told to. Connections beyond two begin anew. */
public class NodesWithDisks extends ObedientNodes {
    /** A real image. */
    public static final Path IMAGE = Path.of("../native/tests/golden/image/sample-1.cr");

    private static final int NODES = 2;
    private String directory = "";

    /** Nodes. */
    public NodesWithDisks() {
        super(NODES, 1, NodesWithDisks::real);
    }

    private static RankResult.Builder real(int rank) {
        try (ImageFile image = ImageFile.open(IMAGE)) {
            return imaginary(rank)
                    .setBytes(image.size())
                    .setDigestHigh(Long.parseUnsignedLong(image.identity().substring(0, 16), 16))
                    .setDigestLow(Long.parseUnsignedLong(image.identity().substring(16), 16));
        }
    }

    @Override
    public List<Frame> greeting(int node) {
        return super.greeting(node % NODES);
    }

    @Override
    public List<Frame> answer(int connection, Frame frame) {
        int node = connection % NODES;
        try {
            if (frame.hasBegin()) {
                directory = frame.getBegin().getDirectory();
            } else if (frame.hasEnter() && frame.getEnter().getPhase() == Phase.PHASE_SEAL) {
                Files.createDirectories(Path.of(directory));
                Files.copy(IMAGE, Path.of(directory, "rank-" + node + ".cr"));
            } else if (frame.hasMove()) {
                String file = "rank-" + node + ".cr";
                move(
                        Path.of(frame.getMove().getFrom(), file),
                        Path.of(frame.getMove().getTo(), file));
                return List.of(moved(frame, 0, ""));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return super.answer(node, frame);
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to);
        } catch (NoSuchFileException e) {
            // moved already
            return;
        }
    }

    /** What a node says when it is done. */
    public static Frame moved(Frame order, int error, String text) {
        return Frame.newBuilder()
                .setMoved(Moved.newBuilder()
                        .setFrom(order.getMove().getFrom())
                        .setError(error)
                        .setText(text))
                .build();
    }
}
