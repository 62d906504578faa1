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

    /** From now on this signal goes to a child instead of ending us; nothing happens where it cannot be caught. */
    static void forward(String name, Process child) {
        handle(name, (proxy, method, arguments) -> {
            if (method.getDeclaringClass() == Object.class) {
                return method.invoke(Signals.class, arguments);
            }
            send(name, child);
            return null;
        });
    }

    /** From now on this signal does not end us. */
    static void ignore(String name) {
        handle(
                name,
                (proxy, method, arguments) ->
                        method.getDeclaringClass() == Object.class ? method.invoke(Signals.class, arguments) : null);
    }

    private static void handle(String name, InvocationHandler handler) {
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

    private static void send(String name, Process child) {
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
