# What install.sh and upgrade.sh share; read by them, not run. Sets no option and does nothing by itself.
# ROOT is a folder to install into instead of the running system, DRY_RUN yes or no, LANGUAGE zh or en, changes a count.

say() { if [ "$LANGUAGE" = en ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }

fail() { say "错误：$1" "error: $2" >&2; exit 2; }

# change ZH EN COMMAND…: say what is done and do it; with --dry-run only say it.
change() {
    changes=$((changes + 1))
    say "  $1" "  $2"
    shift 2
    [ "$DRY_RUN" = yes ] || "$@"
}

# put SOURCE TARGET MODE: install a file that is ours, if it is not there already with the same bytes and mode.
put() {
    if cmp -s "$1" "$ROOT$2" && [ "$(stat -c %a "$ROOT$2")" = "${3#0}" ]; then return 0; fi
    change "写入 $2" "write $2" put_now "$1" "$ROOT$2" "$3"
    changed_files="$changed_files $2"
}

put_now() {
    # Beside it first, then renamed: whoever reads the file meanwhile sees the old one or the new one.
    mkdir -p "${2%/*}" && cp "$1" "$2.new" && chmod "$3" "$2.new" && mv "$2.new" "$2"
}

# put_tree FOLDER TARGET: the same for every file below a folder.
put_tree() {
    for each in $(cd "$1" && find . -type f | LC_ALL=C sort); do put "$1/${each#./}" "$2/${each#./}" 0644; done
}

# was_written PREFIX…: has this run written a file whose name begins so?
was_written() {
    for prefix; do case $changed_files in *" $prefix"*) return 0 ;; esac; done
    return 1
}

# The system is staged, not run: a folder was named, or systemd is not process 1 (a container, a chroot).
staged() { [ -n "$ROOT" ] || [ ! -d /run/systemd/system ]; }

# version_of WHEEL: the version in a wheel's name.
version_of() { basename "$1" | cut -d - -f 2; }

# our_wheel: the one wheel of ours, in a bundle's wheels/ or in dist/ of a checkout.
our_wheel() {
    found=''
    for each in "$source"/wheels/xunjian-*.whl "$source"/dist/xunjian-*.whl; do
        [ -f "$each" ] || continue
        [ -z "$found" ] || fail "有多个 xunjian 安装包：$found 和 $each，请只留一个" "two wheels of xunjian: $found and $each; keep one"
        found=$each
    done
    [ -n "$found" ] || fail "没有 xunjian 安装包：请使用离线安装包，或先执行 make wheel" \
        "there is no wheel of xunjian: use the offline bundle, or run make wheel first"
    printf '%s' "$found"
}

# make_version WHEEL: an environment of its own for a version, with everything that it needs, beside the others. The mark
# .complete is set last, so that one that was interrupted is made anew.
make_version() {
    into=$ROOT/opt/xunjian/versions/$(version_of "$1")
    [ ! -e "$into/.complete" ] || return 0
    change "建立运行环境 $into（约一分钟）" "make the environment $into (about a minute)" make_version_now "$1" "$into"
}

make_version_now() {
    rm -rf "$2"
    mkdir -p "$ROOT/opt/xunjian/versions"
    "${PYTHON:-python3}" -m venv "$2" || return 1
    if [ -d "$source/wheels" ]; then
        set -- "$1" "$2" --no-index -f "$source/wheels"
    fi
    wheel=$1 into=$2
    shift 2
    "$into/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@" -r "$source/requirements.lock" &&
        "$into/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$wheel" &&
        "$into/bin/python" -m compileall -q "$into/lib" >/dev/null && touch "$into/.complete"
}

# point_at VERSION: make a version the current one, in one step.
point_at() {
    mkdir -p "$ROOT/opt/xunjian" && ln -sfn "versions/$1" "$ROOT/opt/xunjian/current.new" && mv -T "$ROOT/opt/xunjian/current.new" "$ROOT/opt/xunjian/current"
}

current_version() {
    [ -L "$ROOT/opt/xunjian/current" ] && basename "$(readlink "$ROOT/opt/xunjian/current")"
}

# put_units: units, user and folders of the monitor.
put_units() {
    for each in xunjian.service xunjian-backup@.service xunjian-backup-hourly.timer xunjian-backup-nightly.timer; do
        put "$source/deploy/systemd/$each" "/etc/systemd/system/$each" 0644
    done
    put "$source/deploy/systemd/sysusers.conf" /etc/sysusers.d/xunjian.conf 0644
    put "$source/deploy/systemd/tmpfiles.conf" /etc/tmpfiles.d/xunjian.conf 0644
    put "$source/deploy/systemd/xunjian" /usr/local/bin/xunjian 0755
}
