# A database in memory and one in a file.

cat >fill.sql <<'SQL'
PRAGMA journal_mode = wal;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, born INTEGER, data BLOB);
CREATE INDEX person_born ON person (born, name);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO person SELECT i, printf('name %05d', i * 7919 % 30011), 1900 + i % 120, zeroblob(i % 500) FROM n;
COMMIT;
DELETE FROM person WHERE id % 7 = 0;
UPDATE person SET name = name || ' the ' || born WHERE born % 3 = 0;
SELECT count(*), sum(length(data)), min(name), max(name) FROM person;
SELECT born, count(*), group_concat(id % 10, '') FROM person GROUP BY born ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*) FROM person a JOIN person b ON a.born = b.born AND b.id = a.id + 120;
CREATE VIEW old AS SELECT * FROM person WHERE born < 1950;
SELECT total(length(name)) FROM old;
VACUUM;
PRAGMA integrity_check;
SQL
sqlite3 :memory: <fill.sql
sqlite3 people.db <fill.sql
sqlite3 people.db .dump | sha256sum
sqlite3 people.db .dump | sqlite3 copy.db
sqlite3 copy.db 'SELECT count(*), sum(id) FROM person; PRAGMA integrity_check'
for i in 1 2 3 4; do
    sqlite3 -cmd '.timeout 20000' people.db "INSERT INTO person (name, born) SELECT name, $i FROM person LIMIT 1000" &
done
wait
sqlite3 people.db 'SELECT born, count(*) FROM person WHERE born < 10 GROUP BY born'
sqlite3 people.db 'SELECT nonsense' 2>/dev/null || echo "as expected: $?"
