# Starts a server in a new folder, says where, and ends it when standard input is closed.
# $1: folder of the binaries; $2: where to make the folder; $3: name of the superuser.
trap : INT TERM HUP
folder=$(mktemp -d "$2/keystile-pg.XXXXXX") || exit 1
"$1/initdb" --pgdata "$folder/data" --auth trust --username "$3" --encoding UTF8 --locale C --no-sync >"$folder/log" 2>&1 &&
    "$1/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait start >/dev/null \
        -o "-k '$folder' -c listen_addresses='' -c max_connections=300 -c shared_buffers=32MB -c deadlock_timeout=200ms" ||
    { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
echo "$folder"
while read -r _; do :; done
"$1/pg_ctl" --pgdata "$folder/data" --mode immediate stop >/dev/null 2>&1
rm -rf "$folder"
