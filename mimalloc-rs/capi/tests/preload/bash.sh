# The shell itself: arrays, strings, functions, forks, pipes.

declare -a numbers=()
for i in {1..5000}; do numbers+=("number $((i * 7919 % 5003))"); done
echo "${#numbers[@]} ${numbers[77]} ${numbers[@]: -1}"

declare -A squares=()
for i in {1..2000}; do squares[key$i]=$((i * i)); done
for i in {1..2000..3}; do unset "squares[key$i]"; done
echo "${#squares[@]} ${squares[key2000]} ${squares[key1000]:-gone}"

text=
for i in {1..300}; do text+="line $i"$'\n'; done
echo "${#text} ${text//line/row}" | cat | sed -n 1,3p
upper=${text^^}
echo "${upper:0:20}"

fibonacci() {
    local n=$1
    if ((n < 2)); then echo "$n"; else echo $(($(fibonacci $((n - 1))) + $(fibonacci $((n - 2))))); fi
}
fibonacci 9

for i in {1..20}; do
    (
        declare -a own=("${numbers[@]:0:i}")
        echo "${#own[@]}" >"part$i"
    ) &
done
wait
cat part{1..20} | tr '\n' ' '
echo

while read -r first rest; do
    if [[ $rest == *99 ]]; then echo "$first $rest"; fi
done < <(printf '%s\n' "${numbers[@]}") | wc -l

mapfile -t lines <<<"$text"
printf '%s|' "${lines[@]:10:5}"
echo
coproc doubled { while read -r n; do echo $((n * 2)); done; }
for i in 21 500; do
    echo "$i" >&"${doubled[1]}"
    read -r answer <&"${doubled[0]}"
    echo "$answer"
done
no_such_command 2>&1 | sed 's/.*: no_such/no_such/' || true
