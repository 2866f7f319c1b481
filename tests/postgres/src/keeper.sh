# Starts a server in a new folder, says where, and ends it when standard input is closed.
# $1: folder of the binaries; $2: where to make the folder; $3: name of the superuser;
# $4: port, also of the socket; $5: `tls` to listen on loopback too, with a certificate for localhost from `ca.pem`.
trap : INT TERM HUP
umask 077
folder=$(mktemp -d "$2/keystile-pg.XXXXXX") || exit 1
settings="-p $4 -k '$folder' -c max_connections=300 -c shared_buffers=32MB -c deadlock_timeout=200ms"

certify() {
    key="-pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl req -x509 -newkey ec $key -keyout "$folder/ca.key" -out "$folder/ca.pem" -subj /CN=authority -days 2 &&
        openssl req -newkey ec $key -keyout "$folder/server.key" -out "$folder/server.csr" -subj /CN=localhost &&
        printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$folder/extensions" &&
        openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
            -extfile "$folder/extensions" -out "$folder/server.pem" -days 2
}

if [ "$5" = tls ]; then
    certify >"$folder/log" 2>&1 || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
    settings="$settings -c listen_addresses=127.0.0.1 -c ssl=on"
    settings="$settings -c ssl_cert_file='$folder/server.pem' -c ssl_key_file='$folder/server.key'"
else
    settings="$settings -c listen_addresses=''"
fi
"$1/initdb" --pgdata "$folder/data" --auth trust --username "$3" --encoding UTF8 --locale C --no-sync >"$folder/log" 2>&1 &&
    "$1/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait start -o "$settings" >/dev/null ||
    { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
echo "$folder"
while read -r _; do :; done
"$1/pg_ctl" --pgdata "$folder/data" --mode immediate stop >/dev/null 2>&1
rm -rf "$folder"
