# Buffers, threads, compression and children of the engine.

cat >work.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const { createHash } = require("crypto");
const { execFileSync } = require("child_process");
const zlib = require("zlib");

function digest(value) {
  return createHash("sha256").update(value).digest("hex");
}

function words(seed) {
  const counts = new Map();
  for (let i = 0, x = seed; i < 50000; i++) {
    x = (x * 1103515245 + 12345) % 2147483648;
    const word = "word " + (x % 3001);
    counts.set(word, (counts.get(word) || 0) + 1);
  }
  return digest(JSON.stringify([...counts].sort()));
}

if (!isMainThread) {
  parentPort.postMessage(words(workerData));
} else {
  const start = (seed) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: seed });
      worker.on("message", resolve).on("error", reject);
    });
  Promise.all([1, 2, 3, 4].map(start)).then((results) => {
    console.log(results.join("\n"));
    const buffers = [];
    for (let i = 0; i < 20000; i++) {
      const buffer = Buffer.allocUnsafeSlow(1 + (i * 37) % 5000).fill(i % 256);
      if (i % 3) buffers.push(buffer);
      if (buffers.length > 2000) buffers.splice(0, 1000);
    }
    console.log(buffers.length, digest(Buffer.concat(buffers)));
    const packed = zlib.brotliCompressSync(Buffer.from(words(5).repeat(1000)));
    console.log(digest(packed), zlib.brotliDecompressSync(packed).length);
    const object = JSON.parse(JSON.stringify(Array.from({ length: 20000 }, (_, i) => ({ i, text: "x".repeat(i % 50) }))));
    console.log(object.length, object[777].text.length);
    console.log(execFileSync(process.execPath, ["-p", "6 * 7"]).toString().trim());
  });
}
JS
node --max-old-space-size=128 work.js
