# A server under load from a client; all that listens is a socket in this folder. The server takes the sizes of
# its blocks from malloc_usable_size, so its own account of memory shows whether they are right.

redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly no --io-threads 2 --daemonize no \
    --dir "$PWD" --logfile "$PWD/server.log" --loglevel warning &
server=$!
trap 'kill -9 $server 2>/dev/null || true' EXIT
ask() { redis-cli -s socket "$@"; }
for _ in {1..500}; do
    ask ping >/dev/null 2>&1 && break
    sleep 0.02
done
ask ping

memory() { ask info memory | tr -d '\r' | sed -n "s/^$1://p"; }
within() { echo "$1: $((${2} >= ${3} && ${2} <= ${4}))"; }
empty=$(memory used_memory)
within "empty server" "$empty" 400000 20000000

redis-benchmark -s socket -q -n 20000 -c 20 -r 10000 -d 1000 -t set >/dev/null
count=$(ask dbsize | tr -dc 0-9)
within "keys" "$count" 8000 10000
# A kilobyte each and what a key needs besides.
grown=$(($(memory used_memory) - empty))
within "bytes for the keys" "$grown" "$((count * 1000))" "$((count * 1700))"
within "resident for the keys" "$(memory used_memory_rss)" "$grown" "$((grown * 4 + 50000000))"
ask set one "$(printf 'x%.0s' {1..5000})"
within "one key" "$(ask memory usage one | tr -dc 0-9)" 5000 9000

redis-benchmark -s socket -q -n 6000 -c 20 -r 1000 -P 8 -t get,incr,lpush,rpop,sadd,hset,zadd,mset,lrange_100 \
    >/dev/null
ask eval 'local t = {} for i = 1, 20000 do t[i] = tostring(i) .. "x" end return #table.concat(t)' 0
ask save
redis-check-rdb dump.rdb | grep -c 'RDB looks OK'
ask bgsave >/dev/null
for _ in {1..500}; do
    ask info persistence | grep -q 'rdb_bgsave_in_progress:0' && break
    sleep 0.02
done
ask info persistence | tr -d '\r' | grep rdb_last_bgsave_status

ask flushall async
for _ in {1..500}; do
    (($(memory used_memory) < empty + 5000000)) && break
    sleep 0.02
done
within "emptied server" "$(memory used_memory)" 400000 $((empty + 5000000))
ask shutdown nosave
wait $server
echo "ended: $?"
