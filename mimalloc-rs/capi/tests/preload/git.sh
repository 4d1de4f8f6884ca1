# A repository with a history: commits, branches, a merge, a clone, collection and checks.

export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
git config --global user.name Test
git config --global user.email test@example.org
git config --global init.defaultBranch main
git config --global gc.auto 0
git config --global advice.detachedHead false

git init -q origin
cd origin
for i in {1..60}; do
    mkdir -p "folder$((i % 9))"
    seq $((i * 3)) $((i * 40)) >"folder$((i % 9))/file$((i % 17))"
    git add .
    git commit -qm "Change $i"
done
git checkout -qb side HEAD~20
seq 500 >side
git add side
git commit -qm "On the side"
git checkout -q main
git merge -q --no-edit side
git tag -a -m "A tag" v1
git log --oneline --stat -n 3
git rev-list --count HEAD
git log -p | sha256sum
git blame folder1/file1 | tail -n 2
git diff --stat v1~10 v1 | tail -n 1
git grep -c 77 v1
cd ..

git clone -q --no-local origin copy
cd copy
git -c pack.threads=2 repack -adfq
git gc -q --aggressive --prune=now
git fsck --full --strict --no-progress
git rev-parse HEAD HEAD^{tree} v1
git count-objects -v | grep -E '^(count|packs|garbage)'
git checkout -q HEAD~30
git status --short --branch
git stash list
git archive HEAD | tar -t | wc -l
git rebase -q main
git rev-parse HEAD
git checkout -q no-such-branch 2>/dev/null || echo "as expected: $?"
