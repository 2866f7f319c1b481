# Starts a server in a new folder, says where, and ends it when standard input is closed. Until then each line of standard
# input is an order, and is answered with `done` or `failed`: `start`, `stop` (at once, as in a crash), `pause` and
# `resume` (all its processes), `promote`.
# $1: folder of the binaries; $2: where to make the folder; $3: name of the superuser;
# $4: port, also of the socket; $5: `tls` to listen on loopback too, with a certificate for localhost from `ca.pem`;
# $6: the folder of a server to be a standby of.
trap : INT TERM HUP
umask 077
bin=$1 user=$3 port=$4 tls=$5 primary=$6
folder=$(mktemp -d "$2/keystile-pg.XXXXXX") || exit 1
settings="-p $port -k '$folder' -c max_connections=300 -c shared_buffers=32MB -c deadlock_timeout=200ms"

certify() {
    key="-pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl req -x509 -newkey ec $key -keyout "$folder/ca.key" -out "$folder/ca.pem" -subj /CN=authority -days 2 &&
        openssl req -newkey ec $key -keyout "$folder/server.key" -out "$folder/server.csr" -subj /CN=localhost &&
        printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$folder/extensions" &&
        openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
            -extfile "$folder/extensions" -out "$folder/server.pem" -days 2
}

make() {
    if [ -n "$primary" ]; then
        "$bin/pg_basebackup" --host "$primary" --port "$port" --username "$user" --no-password --pgdata "$folder/data" \
            --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync
    else
        "$bin/initdb" --pgdata "$folder/data" --auth trust --username "$user" --encoding UTF8 --locale C --no-sync
    fi
}

start() {
    "$bin/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait start -o "$settings" >/dev/null
}

stop() {
    signal CONT
    "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate stop
}

# Sends a signal to the postmaster, and then to its children, whose number cannot grow any more.
signal() {
    read -r postmaster <"$folder/data/postmaster.pid" || return 1
    kill "-$1" "$postmaster" || return 1
    for stat in /proc/[0-9]*/stat; do
        child_of "$postmaster" "$stat" && kill "-$1" "$child"
    done
    return 0
}

# Of a line `PID (NAME) STATE PARENT …`.
child_of() {
    read -r line 2>/dev/null <"$2" || return 1
    child=${line%% *}
    parent=${line##*) ? }
    [ "${parent%% *}" = "$1" ]
}

obey() {
    case $1 in
    start) start ;;
    stop) stop ;;
    pause) signal STOP ;;
    resume) signal CONT ;;
    promote) "$bin/pg_ctl" --pgdata "$folder/data" --wait promote ;;
    *) false ;;
    esac
}

if [ "$tls" = tls ]; then
    certify >"$folder/log" 2>&1 || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
    settings="$settings -c listen_addresses=127.0.0.1 -c ssl=on"
    settings="$settings -c ssl_cert_file='$folder/server.pem' -c ssl_key_file='$folder/server.key'"
else
    settings="$settings -c listen_addresses=''"
fi
make >"$folder/log" 2>&1 && start || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
echo "$folder"
while read -r order; do
    if obey "$order" >>"$folder/log" 2>&1; then echo done; else echo failed; fi
done
stop >/dev/null 2>&1
rm -rf "$folder"
