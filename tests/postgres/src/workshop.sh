# Makes a folder for PostgreSQL's user, says where, and removes it when standard input is closed, after ending what servers
# were started from the data folders in it.
# $1: folder of the binaries; $2: where to make the folder.
trap : INT TERM HUP
umask 077
folder=$(mktemp -d "$2/keystile-shop.XXXXXX") || exit 1
echo "$folder"
while read -r _; do :; done
for pid in "$folder"/*/postmaster.pid; do
    [ -f "$pid" ] && "$1/pg_ctl" --pgdata "${pid%/postmaster.pid}" --mode immediate --wait stop
done >/dev/null 2>&1
rm -rf "$folder"
