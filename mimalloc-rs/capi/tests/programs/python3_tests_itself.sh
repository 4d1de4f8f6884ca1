# Python's tests of itself. How long they took and what else it says differs from run to run.

export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1
for test in test_json test_dict test_threading test_re; do
    if python3 -m test --timeout 100 "$test" >"$test.log" 2>&1; then
        echo "$test: passed"
    else
        echo "$test: failed with $?"
        cat "$test.log"
    fi
done
