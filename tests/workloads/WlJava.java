// SPDX-License-Identifier: GPL-2.0-or-later
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntUnaryOperator;

/**
 * A Java program that knows what it did.  Usage: WlJava SECONDS
 *
 * Sleeps a second, so that who watches can get ready.  Then six threads wait all the
 * time, each in its own way, and the main thread computes in rounds of four methods,
 * whose CPU time it takes from its own clock and prints as JSON at the end.  "ready"
 * on a line of its own when the waiting threads wait.
 */
public class WlJava {
    static final Object LOCK = new Object(), MONITOR = new Object();
    static volatile double sink;

    static double arithmetic(int n) {
        double x = 1;
        for (int i = 1; i < n; i++) {
            x += Math.sqrt(i) / (x + i) + Math.sin(x);
        }
        return x;
    }

    static int strings(int n) {
        Map<String, Integer> seen = new HashMap<>();
        for (int i = 0; i < n; i++) {
            StringBuilder b = new StringBuilder("key-");
            b.append(i % 5000).append('-').append(i);
            seen.merge(b.toString().substring(0, 6), i, Integer::sum);
        }
        return seen.size();
    }

    static int descend(int depth, IntUnaryOperator leaf) {
        return depth == 0 ? leaf.applyAsInt(depth) : descend(depth - 1, leaf) + 1;
    }

    static int recursion(int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) {
            int k = i;
            sum += descend(40, x -> x + k % 7);
        }
        return sum;
    }

    static long arrays(int n) {
        long[] a = new long[4096], b = new long[4096];
        List<Long> boxed = new ArrayList<>();
        long seed = 42;
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < a.length; k++) {
                seed = seed * 6364136223846793005L + 1442695040888963407L;
                a[k] = seed >>> 20;
            }
            System.arraycopy(a, 0, b, 0, a.length);
            Arrays.sort(b);
            boxed.add(b[17]);
        }
        return boxed.size();
    }

    interface Body {
        void run() throws Exception;
    }

    static void daemon(String name, Body body) {
        Thread t = new Thread(() -> {
            try {
                body.run();
            } catch (Exception e) {
                throw new RuntimeException(e);
            }
        }, name);
        t.setDaemon(true);
        t.start();
    }

    static void park() {
        while (true) {
            LockSupport.park();
        }
    }

    static void sleep() throws Exception {
        while (true) {
            Thread.sleep(20);
        }
    }

    static void read(InputStream in) throws Exception {
        while (in.read() >= 0) {
            sink++;
        }
    }

    static void write(OutputStream out) throws Exception {
        while (true) {
            Thread.sleep(50);
            out.write(1);
        }
    }

    static void contend() {
        synchronized (LOCK) {
            sink++;
        }
    }

    static void waitForNotify() throws Exception {
        synchronized (MONITOR) {
            while (true) {
                MONITOR.wait(30);
            }
        }
    }

    static void startWaiting() throws Exception {
        ServerSocket server = new ServerSocket(0);
        Socket client = new Socket("127.0.0.1", server.getLocalPort());
        InputStream in = client.getInputStream();
        Socket other = server.accept();
        daemon("w-park", WlJava::park);
        daemon("w-sleep", WlJava::sleep);
        daemon("w-read", () -> read(in));
        daemon("w-write", () -> write(other.getOutputStream()));
        daemon("w-lock", WlJava::contend);
        daemon("w-wait", WlJava::waitForNotify);
    }

    public static void main(String[] args) throws Exception {
        double seconds = Double.parseDouble(args[0]);
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        long[] cpu = new long[4];
        Thread.sleep(1000);
        synchronized (LOCK) {
            startWaiting();
            System.out.println("ready");
            System.out.flush();
            long end = System.nanoTime() + (long) (seconds * 1e9), rounds = 0;
            long t = clock.getCurrentThreadCpuTime(), now;
            for (; System.nanoTime() < end; rounds++) {
                sink += arithmetic(300_000);
                now = clock.getCurrentThreadCpuTime();
                cpu[0] += now - t;
                t = now;
                sink += strings(60_000);
                now = clock.getCurrentThreadCpuTime();
                cpu[1] += now - t;
                t = now;
                sink += recursion(40_000);
                now = clock.getCurrentThreadCpuTime();
                cpu[2] += now - t;
                t = now;
                sink += arrays(60);
                now = clock.getCurrentThreadCpuTime();
                cpu[3] += now - t;
                t = now;
            }
            System.out.printf(Locale.ROOT, "{\"rounds\": %d, \"arithmetic\": %.4f, \"strings\": %.4f, "
                + "\"recursion\": %.4f, \"arrays\": %.4f}%n", rounds, cpu[0] / 1e9, cpu[1] / 1e9,
                cpu[2] / 1e9, cpu[3] / 1e9);
        }
    }
}

/** Thirty threads in turn, so that at any moment one of them has just begun to sleep for a second. */
class WlTurns {
    static void nap() throws InterruptedException {
        Thread.sleep(1000);
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 30; i++) {
            Thread t = new Thread(() -> {
                try {
                    for (;;)
                        nap();
                } catch (InterruptedException e) {
                }
            }, "turn");
            t.start();
            Thread.sleep(1000 / 30);
        }
        System.out.println("ready");
        System.out.flush();
    }
}
