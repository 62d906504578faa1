// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Slurm's daemon of a node, without which no launcher can start anything there.
 *
 * @param node what Slurm calls the node
 * @param address its name or number
 * @param port where it listens
 */
public record Slurmd(String node, String address, int port) {
    private static final int PATIENCE_MILLIS = 3_000;
    private static final Pattern PORT = Pattern.compile("(?m)^SlurmdPort\\s*=\\s*([0-9]{1,5})\\s*$");

    /** Reads the lines of {@code scontrol -o show node}; a node with a port of its own says so. */
    static List<Slurmd> read(String nodes, int usualPort) {
        return nodes.lines()
                .filter(line ->
                        line.startsWith("NodeName=") && !value(line, "NodeAddr").isEmpty())
                .map(line -> new Slurmd(
                        value(line, "NodeName"), value(line, "NodeAddr"), number(value(line, "Port"), usualPort)))
                .toList();
    }

    /** The port in {@code scontrol show config}. */
    static int usualPort(String config) {
        Matcher matcher = PORT.matcher(config);
        return matcher.find() ? number(matcher.group(1), 0) : 0;
    }

    private static String value(String line, String key) {
        Matcher matcher = Pattern.compile("(?:^| )" + key + "=(\\S*)").matcher(line);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static int number(String digits, int otherwise) {
        return digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : otherwise;
    }

    /** Whether nothing can be started there now. One of which we do not know where it is counts as there. */
    public boolean isGone() {
        if (port <= 0 || port > 0xffff) {
            return false;
        }
        InetSocketAddress place = new InetSocketAddress(address, port);
        if (place.isUnresolved()) {
            return false;
        }
        try (Socket socket = new Socket()) {
            socket.connect(place, PATIENCE_MILLIS);
            return false;
        } catch (IOException e) {
            return true;
        }
    }
}
