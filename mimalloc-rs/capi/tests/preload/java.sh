# The virtual machine: its own heap is not malloc's, but its compiler, its threads and direct buffers are.

java -version 2>&1 | grep -c -i version
cat >Work.java <<'JAVA'
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.zip.*;

public class Work {
    static long count(int seed, int length) {
        Map<String, Integer> words = new HashMap<>();
        Random random = new Random(seed);
        for (int i = 0; i < length; i++) words.merge("word " + random.nextInt(5000), 1, Integer::sum);
        return words.values().stream().mapToLong(n -> (long) n * n).sum();
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> results = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int seed = i;
            results.add(pool.submit(() -> count(seed, 50_000)));
        }
        for (Future<Long> result : results) System.out.println(result.get());
        pool.shutdown();
        for (int i = 0; i < 200; i++) ByteBuffer.allocateDirect(100_000).putLong(0, i);
        byte[] data = new byte[500_000];
        new Random(1).nextBytes(data);
        Deflater deflater = new Deflater();
        deflater.setInput(data);
        deflater.finish();
        int length = 0;
        byte[] buffer = new byte[8192];
        while (!deflater.finished()) length += deflater.deflate(buffer);
        deflater.end();
        System.out.println(length);
        Thread[] threads = new Thread[200];
        for (int i = 0; i < threads.length; i++) (threads[i] = new Thread(() -> count(3, 500))).start();
        for (Thread thread : threads) thread.join();
        System.gc();
        System.out.println("done");
    }
}
JAVA
javac -J-Xmx128m Work.java
java -Xmx128m -cp . Work
java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:NativeMemoryTracking=summary -cp . Work | tail -n 1
