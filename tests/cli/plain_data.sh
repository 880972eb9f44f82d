# Sourced by tests of banks with a key_file, which stand in a folder $dir of their own: a tree and a database there, in an
# inventory of theirs, with names and contents that are nowhere else.
mkdir -p data/tree/secret-folder
echo "plainwords of a file" >data/tree/secret-folder/secret-name.txt
ln -s secret-target data/tree/secret-link
head -c 3000000 /dev/urandom >data/tree/noise
python3 - data/shop.db <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("create table goods (name text)")
db.executemany("insert into goods values (?)", [(f"plainwords of row {i}",) for i in range(2000)])
db.commit()
END
cat >inventory.yaml <<END
directories: [{id: tree, path: $dir/data/tree}]
sqlite: [{id: shop, path: $dir/data/shop.db}]
END
# What of it an encrypted bank shows nowhere. (Names and ids of resources, and what a plan and an inventory say, are in the plan,
# the graph and the keys: they are no secret of the bank. What plugins find, and what they save of it, is.)
plain_words=(plainwords secret-folder secret-name secret-target secret-link 'goods (name text)' 'SQLite format')
