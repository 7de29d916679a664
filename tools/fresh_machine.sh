#!/usr/bin/env bash
# The two commands on a fresh machine: a minimal Debian 12 with python3, git and make, a clone of the committed state,
# `make run` twice and `make test`. Needs root, debootstrap and the package registries.
#
#   tools/fresh_machine.sh [user|root] [TARGET…]    as whom (default: user), and which targets (default: run test)
#
# DEBIAN_MIRROR names another mirror than debootstrap's own; KEEP=1 leaves the folder for a look.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${RADBRIDGE_SHARED:-$repo/../shared}
who=${1:-user}
shift || true
(($#)) || set -- run test

# mounts of its own: they vanish with this process
[[ -n ${IN_OWN_MOUNTS:-} ]] || IN_OWN_MOUNTS=1 exec unshare --mount bash "${BASH_SOURCE[0]}" "$who" "$@"

say() { printf '\n===== %s (%s s)\n' "$1" "$SECONDS"; }

machine=$(mktemp -d /tmp/fresh-machine-XXXXXX)
cleanup() {
    umount "$machine/dev/shm" "$machine/proc" || true
    if [[ -n ${KEEP:-} ]]; then echo "kept: $machine"; else rm -rf --one-file-system "$machine"; fi
}
trap cleanup EXIT

make_machine() {
    chmod 755 "$machine"
    debootstrap --variant=minbase --include=python3,git,make,ca-certificates bookworm "$machine" ${DEBIAN_MIRROR:-} \
        >"$machine.log" 2>&1 || { tail -20 "$machine.log"; return 1; }
    rm "$machine.log"
    mount -t proc proc "$machine/proc"
    mkdir -p "$machine/dev/shm"
    mount -t tmpfs tmpfs "$machine/dev/shm"
    cp /etc/resolv.conf /etc/hosts "$machine/etc/"
    cp -r /usr/local/share/ca-certificates "$machine/usr/local/share/" # a site's own authorities
    chroot "$machine" update-ca-certificates >"$machine/dev/null" 2>&1
    chroot "$machine" useradd --create-home --shell /bin/bash trial
}

inside() { # a command line in the clone, in a clean environment, as the chosen user
    local as=()
    [[ $who == root ]] || as=(--userspec=trial:trial)
    chroot "${as[@]}" "$machine" env -i HOME="$home" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c "cd ~/trial/main && $1"
}

run_and_stop() { # `make run` until /readyz answers, then SIGTERM
    local started=$SECONDS
    local is_ready="import urllib.request as u; u.urlopen('http://127.0.0.1:18080/readyz', timeout=2)"
    set -m # a process group of its own, to be stopped by its id
    inside 'make run ARGS="--port 18080 --dicom-port 18112" >run.log 2>&1' &
    set +m
    until inside "python3 -c \"$is_ready\"" 2>/dev/null; do
        if ! kill -0 $! 2>/dev/null || ((SECONDS - started > 900)); then
            inside 'cat run.log'
            echo "✗ not ready after $((SECONDS - started)) s"
            return 1
        fi
        sleep 0.2
    done
    echo "ready after $((SECONDS - started)) s"
    kill -TERM -- -$!
    wait $! || true
    inside 'cat run.log; du -sh data'
}

say "Debian 12 with python3, git and make"
make_machine
home=/root
[[ $who == root ]] || home=/home/trial
mkdir -p "$machine$home/trial"
git clone -q --no-hardlinks "$repo" "$machine$home/trial/main"
[[ ! -d $shared ]] || cp -rL "$shared" "$machine$home/trial/shared"
[[ $who == root ]] || chroot "$machine" chown -R trial:trial "$home/trial"

for target in "$@"; do
    if [[ $target == run ]]; then
        say "make run, cold"
        run_and_stop
        say "make run, warm"
        run_and_stop
    else
        say "make $target"
        inside "make $target"
    fi
done
say "done"
