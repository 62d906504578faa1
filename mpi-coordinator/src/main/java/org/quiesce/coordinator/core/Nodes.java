// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The nodes of a job, which ranks they have, and which of them have answered the present phase. */
final class Nodes {
    private final int[] nodeOfRank;
    private final Map<Integer, Node> nodes = new TreeMap<>();
    private int ranksPresent;
    private int waiting;

    Nodes(int worldSize) {
        nodeOfRank = new int[worldSize];
        Arrays.fill(nodeOfRank, -1);
    }

    /**
     * Adds a node, or takes what it says now in place of what it said before: it speaks again whenever a rank has registered.
     * A rank that two nodes claim is an error.
     */
    void add(Event.NodeConnected connected) {
        forgetRanks(connected.node());
        nodes.put(connected.node(), new Node(connected.host(), connected.ranks().size()));
        for (RankMember member : connected.ranks()) {
            int rank = member.rank();
            if (rank < 0 || rank >= nodeOfRank.length || nodeOfRank[rank] >= 0) {
                throw new CrException(
                        ErrorCode.PROTOCOL,
                        "node " + connected.host() + " claims rank " + rank + ", which is not its own");
            }
            nodeOfRank[rank] = connected.node();
            ranksPresent++;
        }
    }

    private void forgetRanks(int node) {
        for (int rank = 0; nodes.containsKey(node) && rank < nodeOfRank.length; rank++) {
            if (nodeOfRank[rank] == node) {
                nodeOfRank[rank] = -1;
                ranksPresent--;
            }
        }
    }

    boolean complete() {
        return ranksPresent == nodeOfRank.length;
    }

    /** The ranks that no node has, at most {@code limit}. */
    List<Integer> missing(int limit) {
        List<Integer> missing = new ArrayList<>();
        for (int rank = 0; rank < nodeOfRank.length && missing.size() < limit; rank++) {
            if (nodeOfRank[rank] < 0) {
                missing.add(rank);
            }
        }
        return missing;
    }

    int nodeOf(int rank) {
        return nodeOfRank[rank];
    }

    boolean owns(int node, int rank) {
        return rank >= 0 && rank < nodeOfRank.length && nodeOfRank[rank] == node;
    }

    String host(int node) {
        Node found = nodes.get(node);
        return found == null ? "node " + node : found.host;
    }

    List<String> hostsByRank() {
        List<String> hosts = new ArrayList<>(nodeOfRank.length);
        for (int node : nodeOfRank) {
            hosts.add(host(node));
        }
        return hosts;
    }

    /** Forgets a node; returns whether it was there and had ranks whose answer the present phase still needs. */
    boolean lose(int node) {
        Node found = nodes.get(node);
        if (found == null || found.lost) {
            return false;
        }
        found.lost = true;
        boolean needed = found.answered < found.ranks;
        waiting -= needed ? 1 : 0;
        return needed;
    }

    /** Starts the count of answers anew: every node that is still there owes one. */
    void expectAnswers() {
        waiting = 0;
        for (Node node : nodes.values()) {
            node.answered = 0;
            waiting += node.lost || node.ranks == 0 ? 0 : 1;
        }
    }

    /** Counts an answer; {@code everything} means that no other will come from this node. */
    void answered(int node, int ranks, boolean everything) {
        Node found = nodes.get(node);
        if (found == null || found.lost || found.answered >= found.ranks) {
            return;
        }
        found.answered = everything ? found.ranks : found.answered + ranks;
        waiting -= found.answered >= found.ranks ? 1 : 0;
    }

    boolean hasAnswered(int node) {
        Node found = nodes.get(node);
        return found != null && found.answered >= found.ranks;
    }

    boolean allAnswered() {
        return waiting == 0;
    }

    /** The hosts whose answer is missing, at most {@code limit}. */
    List<String> silent(int limit) {
        return nodes.values().stream()
                .filter(node -> !node.lost && node.answered < node.ranks)
                .map(node -> node.host)
                .limit(limit)
                .toList();
    }

    /** Which ranks a node has. */
    BitSet ranksOf(int node) {
        BitSet ranks = new BitSet();
        for (int rank = 0; rank < nodeOfRank.length; rank++) {
            ranks.set(rank, nodeOfRank[rank] == node);
        }
        return ranks;
    }

    private static final class Node {
        private final String host;
        private final int ranks;
        private int answered;
        private boolean lost;

        Node(String host, int ranks) {
            this.host = host;
            this.ranks = ranks;
        }
    }
}
