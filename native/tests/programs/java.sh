# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# A Java virtual machine with its collector, its compilers and threads that hand work to each other. Its file in
# /tmp/hsperfdata_USER would be removed by any other one that starts while this one is dead.
needs=(java javac)
setup() {
    cat >Work.java <<'END'
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

public final class Work {
    private static final BlockingQueue<int[]> QUEUE = new ArrayBlockingQueue<>(64);
    private static final TreeMap<Integer, Long> SUMS = new TreeMap<>();
    private static final AtomicLong NAPS = new AtomicLong();

    private static void add(int key, long value) {
        synchronized (SUMS) {
            SUMS.merge(key, value, Long::sum);
        }
    }

    private static void work() {
        try {
            for (int[] job = take(); job.length > 0; job = take()) {
                StringBuilder text = new StringBuilder();
                for (int number : job) {
                    text.append(number).append(',');
                }
                add(job[0] % 97, text.toString().hashCode() & 0xffffL);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int[] take() throws InterruptedException {
        for (;;) {
            int[] job = QUEUE.poll(1, TimeUnit.MILLISECONDS);
            if (job != null) {
                return job;
            }
            NAPS.incrementAndGet();
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            threads.add(new Thread(Work::work, "worker " + i));
        }
        threads.forEach(Thread::start);
        for (int i = 0; i < 90000; i++) {
            int[] job = new int[200];
            for (int k = 0; k < job.length; k++) {
                job[k] = i * 31 + k * k;
            }
            QUEUE.put(job);
        }
        for (int i = 0; i < threads.size(); i++) {
            QUEUE.put(new int[0]);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println(SUMS);
        long sum = CompletableFuture.supplyAsync(() -> SUMS.values().parallelStream().mapToLong(Long::longValue).sum()).get();
        System.out.println(sum);
        if (NAPS.get() < 0) {
            throw new IllegalStateException("a counter went back");
        }
    }
}
END
    javac Work.java
}
job=(java -Xmx64m -XX:+PerfDisableSharedMem -cp . Work)
