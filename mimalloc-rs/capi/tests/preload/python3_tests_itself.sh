# Python's tests of itself. How long they took and what else they say differs from run to run.

export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
# A test that fails gets a second chance alone: some of them wait for others with a time limit.
# Some interrupt themselves, which what runs in the background ignores unless told otherwise.
attempt() {
    env --default-signal=INT,QUIT,HUP python3 -m test --timeout 100 "$1" >"$1.log" 2>&1
}
verdict() {
    if attempt "$1"; then
        echo "$1: passed"
    else
        echo "$1: failed"
    fi
}
for test in json dict threading re; do
    verdict "test_$test" >"$test" &
done
wait
for test in json dict threading re; do
    grep -q failed "$test" && verdict "test_$test" >"$test"
    cat "$test"
    grep -q failed "$test" && grep -E '^(FAIL|ERROR|Fatal|Timeout)' "test_$test.log" | sort
done
true
