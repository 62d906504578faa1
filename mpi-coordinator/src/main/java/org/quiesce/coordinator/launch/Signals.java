// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * Signals by name. Java has no official way to receive one; {@code sun.misc.Signal} is in every JDK, in the module
 * jdk.unsupported, and is reached by reflection because the compiler warns of it otherwise.
 */
final class Signals {
    private Signals() {}

    /** From now on this is done when the signal comes, and nothing else; nothing changes where it cannot be caught. */
    static void handle(String name, Runnable what) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getDeclaringClass() == Object.class) {
                return method.invoke(Signals.class, arguments);
            }
            what.run();
            return null;
        };
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> signalHandler = Class.forName("sun.misc.SignalHandler");
            Object proxy =
                    Proxy.newProxyInstance(signalHandler.getClassLoader(), new Class<?>[] {signalHandler}, handler);
            signal.getMethod("handle", signal, signalHandler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            // this JDK keeps that signal for itself
            return;
        }
    }

    /** Sends a signal to a child. */
    static void send(String name, Process child) {
        if (!child.isAlive()) {
            return;
        }
        try {
            new ProcessBuilder("sh", "-c", "kill -" + name + " " + child.pid())
                    .inheritIO()
                    .start();
        } catch (IOException e) {
            child.destroy();
        }
    }
}
