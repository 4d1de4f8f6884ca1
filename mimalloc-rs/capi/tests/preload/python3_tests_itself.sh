# Python's tests of itself. How long they took and what else they say differs from run to run.

export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
verdict() {
    if python3 -m test --timeout 100 "$1" >"$1.log" 2>&1; then
        echo "$1: passed"
    else
        echo "$1: failed with $?"
        cat "$1.log"
    fi
}
for test in json dict threading re; do
    verdict "test_$test" >"$test" &
done
wait
cat json dict threading re
