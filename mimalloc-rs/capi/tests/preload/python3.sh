# Every object from malloc: the interpreter's own pools are off. Threads, children, and libraries in C.

export PYTHONMALLOC=malloc PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
cat >work.py <<'PYTHON'
import ctypes, decimal, gc, hashlib, json, multiprocessing, random, re, sys, threading, zlib

generator = random.Random(7)


def tree(depth):
    if depth == 0:
        return generator.choice([None, True, 1.5, generator.getrandbits(80), "text " * generator.randrange(40)])
    return {f"key {i}": [tree(depth - 1) for _ in range(generator.randrange(1, 4))] for i in range(4)}


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()


def words(seed):
    own = random.Random(seed)
    text = " ".join(str(own.randrange(10000)) for _ in range(20000))
    counts = {}
    for word in re.findall(r"\b\d+7\b", text):
        counts[word] = counts.get(word, []) + [len(counts)]
    return digest(sorted(counts.items()))


def main():
    data = tree(5)
    assert json.loads(json.dumps(data)) == data
    print(digest(json.dumps(data, indent=1)))

    results = {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: words(i)})) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(digest(sorted(results.items())))
    for method in ["fork", "spawn"]:
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(words, range(8)) == [results[i] for i in range(8)])

    numbers = [2**i - 1 for i in range(2000)]
    print(digest(sum(a * b for a, b in zip(numbers, reversed(numbers)))))
    lists = [[i] * (i % 300) for i in range(5000)]
    for i in range(0, 5000, 3):
        lists[i] = None
    print(sum(len(entry) for entry in lists if entry))
    cycles = [[] for _ in range(10000)]
    for entry in cycles:
        entry.append(entry)
    del cycles, entry
    print(gc.collect() >= 10000)
    packed = zlib.compress(b"".join(str(i).encode() for i in range(200000)), 6)
    print(hashlib.md5(packed).hexdigest(), len(zlib.decompress(packed)))
    decimal.getcontext().prec = 2000
    print(digest(decimal.Decimal(2).sqrt()))
    libc = ctypes.CDLL(None)
    libc.strdup.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    for i in range(1000):
        libc.free(libc.strdup(b"x" * i))
    try:
        bytearray(1 << 60)
    except MemoryError:
        print("MemoryError")
    big = bytearray()
    for i in range(2000):
        big += bytes([i % 256]) * 5000
    print(zlib.crc32(big), sys.getsizeof(b"") > 0)


if __name__ == "__main__":
    main()
PYTHON
python3 work.py
