#!/bin/sh
# As a new user of a bare system, in a directory with the tarball and an application: what README.md
# prints, word for word; then the same server without the call; what the workers take in each case.
set -eu
cd "$HOME/a shop"

# A socket, because somebody may have the port. The commands stay what they are.
export GUNICORN_CMD_ARGS="--bind unix:$HOME/socket --pid $HOME/pid --log-level warning"

serve() {
    rm -f "$HOME/socket"
    sh -eu "$1" & shell=$!
    until [ -S "$HOME/socket" ]; do kill -0 $shell; sleep 0.2; done
    venv/bin/python ../workers.py "$2" "$HOME/socket"
    kill "$(cat "$HOME/pid")"
    wait $shell
}

cat >app.py <<'END'
import gc, os
rows = [{"name": f"article {n}", "price": n * 1.01, "tags": [str(n), "new"]} for n in range(200_000)]
def app(environ, start_response):
    total = sum(row["price"] + len(row["name"]) + len(row["tags"]) for row in rows)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {gc.is_immortal(rows)} {total:.0f}".encode()]
END

sed -n '/^tar -xzf immortal-python/,/^```/p' ../README.md | grep -v '^```' >commands
[ "$(grep -c . commands)" = 4 ]
cat commands
serve commands True

echo preload_app = True >gunicorn.conf.py
tail -n 1 commands >again
serve again False
