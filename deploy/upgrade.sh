#!/bin/sh
# upgrade.sh: bring an installed monitor to the version that this bundle or checkout holds, as one command.
#
#   make the new environment beside ─► check config.toml ─► stop ─► backup ─► migrate, self-check ─► switch ─► start
#                                                                     └─── whatever fails: put back, old version, start
#
# While it is stopped nobody looks: that time is unknown in the record and lowers no township's rate.
set -eu
usage() {
    cat <<'TEXT'
用法 / usage: upgrade.sh [--lang zh|en] [--root DIR]
             upgrade.sh --roll-back    中断过的升级：恢复原版本 / go back after an upgrade that was interrupted
TEXT
}
DRY_RUN=no LANGUAGE=zh ROOT='' changes=0 changed_files='' going_back=no
while [ $# -gt 0 ]; do
    case $1 in
        --lang) LANGUAGE=${2:?}; shift ;;
        --root) ROOT=${2:?}; shift ;;
        --roll-back) going_back=yes ;;
        --help | -h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
source=$(cd "$(dirname "$0")/.." && pwd)
. "$source/deploy/common.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What an upgrade under way needs to go back, one a line: the old version, the backup. It outlives a power cut.
under_way=$ROOT/opt/xunjian/upgrading

# program VERSION ARGUMENT…: a version's command, as the monitor's user.
program() {
    command=$ROOT/opt/xunjian/versions/$1/bin/xunjian
    shift
    if [ -n "$ROOT" ]; then
        XUNJIAN_CONFIG=$ROOT/etc/xunjian/config.toml "$command" --lang "$LANGUAGE" "$@"
    else
        XUNJIAN_CONFIG=/etc/xunjian/config.toml setpriv --reuid=xunjian --regid=xunjian --init-groups --no-new-privs \
            "$command" --lang "$LANGUAGE" "$@"
    fi
}

# quietly COMMAND…: what it says is shown only when it fails.
quietly() {
    "$@" >"$scratch/said" 2>&1 || {
        cat "$scratch/said" >&2
        return 1
    }
}

# broken VERSION: what doctor calls broken of the monitor's own, topic and text, one a line. The store is opened for it, and
# so migrated. Disks, clocks, backups and neighbours are not the version's doing, and some differ while the monitor rests.
broken() {
    # 1 says that something was found; anything above is a failure of its own.
    program "$1" doctor --json >"$scratch/doctor.json" || [ $? -eq 1 ] || return 1
    "$ROOT/opt/xunjian/versions/$1/bin/python" -c '
import json, sys
for each in json.load(open(sys.argv[1], encoding="utf-8")):
    if each["level"] == "broken" and each["topic"] in sys.argv[2:]:
        print(each["topic"], each["text"], sep="\t")
' "$scratch/doctor.json" store secrets ledger login evidence outbox fonts
}

self_check() {
    broken "$version" >"$scratch/broken.after" || return 1
    # What was broken before the upgrade is no reason to go back.
    cut -f 1 "$scratch/broken.before" | sort -u >"$scratch/topics.before"
    cut -f 1 "$scratch/broken.after" | sort -u >"$scratch/topics.after"
    [ -z "$(comm -13 "$scratch/topics.before" "$scratch/topics.after")" ] || { cat "$scratch/broken.after" >&2; return 1; }
}

stop_service() {
    staged && return 0
    change "停止 xunjian.service" "stop xunjian.service" systemctl stop xunjian-backup-hourly.timer xunjian-backup-nightly.timer xunjian.service
}

start_service() {
    staged && return 0
    systemctl daemon-reload
    change "启动 xunjian.service，等待就绪" "start xunjian.service and wait until it is ready" systemctl start xunjian.service &&
        systemctl start xunjian-backup-hourly.timer xunjian-backup-nightly.timer
}

back_up() {
    backup=$ROOT/var/backups/xunjian/before-$version-$(date -u +%Y%m%dT%H%M%SZ).zip
    change "备份到 $backup" "back up to $backup" quietly program "$old" backup "$backup" || return 1
    # The units too: those of the old version are not in the new bundle.
    mkdir -p "$ROOT/opt/xunjian/versions/$old/units"
    cp "$ROOT"/etc/systemd/system/xunjian* "$ROOT/opt/xunjian/versions/$old/units/"
    printf '%s\n%s\n' "$old" "$backup" >"$under_way.new" && mv "$under_way.new" "$under_way"
}

switch() {
    put_units && change "启用版本 $version" "make $version the current version" point_at "$version"
}

go_on() {
    stop_service && back_up &&
        change "迁移数据库并自检" "migrate the database and check" self_check && switch && start_service
}

roll_back() {
    { read -r old; read -r backup; } <"$under_way"
    say "恢复到 $old" "going back to $old"
    staged || systemctl stop xunjian.service || true
    cp "$ROOT/opt/xunjian/versions/$old/units/"* "$ROOT/etc/systemd/system/"
    point_at "$old"
    change "恢复备份 $backup" "restore the backup $backup" quietly program "$old" restore "$backup" --replace ||
        fail "恢复失败；备份在 $backup" "the backup could not be restored; it is $backup"
    rm -f "$under_way"
    # Made anew at the next try, which may bring another wheel of the same version.
    for each in "$ROOT"/opt/xunjian/versions/*; do [ "$(basename "$each")" = "$old" ] || rm -rf "$each"; done
    start_service || fail "$old 没有启动：journalctl -u xunjian" "$old has not started: journalctl -u xunjian"
}

# Rules, dashboards and settings of the neighbours that were wanted belong to the version.
renew_neighbours() {
    set -- --lang "$LANGUAGE"
    [ -z "$ROOT" ] || set -- "$@" --root "$ROOT"
    for each in $(cat "$ROOT/opt/xunjian/without" 2>/dev/null); do set -- "$@" --without "$each"; done
    sh "$source/deploy/install.sh" "$@"
}

# The current version and the one before it stay.
forget_older() {
    for each in "$ROOT"/opt/xunjian/versions/*; do
        case $(basename "$each") in "$version" | "$old") ;; *) change "删除 $each" "remove $each" rm -rf "$each" ;; esac
    done
}

[ -n "$ROOT" ] || [ "$(id -u)" -eq 0 ] || fail "请用 root 执行" "run it as root"
if [ "$going_back" = yes ]; then
    [ -f "$under_way" ] || fail "没有中断的升级" "no upgrade was interrupted"
    roll_back
    exit 0
fi
[ ! -f "$under_way" ] || fail "上次升级中断了，请先执行 upgrade.sh --roll-back" \
    "the last upgrade was interrupted; run upgrade.sh --roll-back first"
wheel=$(our_wheel)
version=$(version_of "$wheel")
old=$(current_version) || fail "尚未安装，请用 deploy/install.sh" "nothing is installed; use deploy/install.sh"
[ "$old" != "$version" ] || { say "已是 $version" "$version is installed already"; exit 0; }
say "从 $old 升级到 $version" "upgrading from $old to $version"
make_version "$wheel"
program "$version" check-config >/dev/null || fail "config.toml 不适用于 $version，未作改动" \
    "config.toml does not suit $version; nothing has been changed"
broken "$old" >"$scratch/broken.before" || fail "$old 的体检没有完成，未作改动" "doctor of $old has failed; nothing has been changed"
if go_on; then
    rm -f "$under_way"
    forget_older
    renew_neighbours
    say "升级完成：$version" "upgraded to $version"
elif [ -f "$under_way" ]; then
    roll_back
    say "升级失败，已恢复到 $old，记录没有损失" "the upgrade has failed; $old runs again and no record is lost" >&2
    exit 1
else
    start_service
    say "升级失败，没有改动，$old 继续运行" "the upgrade has failed; nothing was changed and $old goes on" >&2
    exit 1
fi
