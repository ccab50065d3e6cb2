#!/bin/sh
# install.sh: from a bare Debian 12 to a running monitor with Prometheus, Alertmanager and Mosquitto beside it.
# It says what it does, and run again it changes nothing. What the county edits (config.toml, the key, the broker's
# passwords) is made once and never touched again. Everything else is ours: local changes belong into drop-ins.
set -eu
usage() {
    cat <<'TEXT'
用法 / usage: install.sh [--dry-run] [--lang zh|en] [--without NAME]… [--root DIR]
  --dry-run       只说要做什么，不改动 / say what would be done and change nothing
  --lang en       用英文 / speak English
  --without NAME  不装、不动 prometheus、alertmanager、mosquitto 或 grafana / leave one of these alone
  --root DIR      只把文件放进 DIR，不装系统软件包、不启动 / put the files into DIR; install no packages and start nothing
TEXT
}
DRY_RUN=no LANGUAGE=zh ROOT='' without='' changes=0 changed_files='' failed=''
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) DRY_RUN=yes ;;
        --lang) LANGUAGE=${2:?}; shift ;;
        --without) without="$without ${2:?} "; shift ;;
        --root) ROOT=${2:?}; shift ;;
        --help | -h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
source=$(cd "$(dirname "$0")/.." && pwd)
. "$source/deploy/common.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

wanted() { case $without in *" $1 "*) return 1 ;; esac; }

check_machine() {
    [ -n "$ROOT" ] || [ "$DRY_RUN" = yes ] || [ "$(id -u)" -eq 0 ] || fail "请用 root 执行" "run it as root"
    if [ -z "$ROOT" ] && ! { grep -q '^ID=debian' /etc/os-release && grep -q '^VERSION_ID="12"' /etc/os-release; }; then
        say "注意：本脚本只在 Debian 12 上试过" "note: this script has been tried on Debian 12 only"
    fi
    if [ -f "$source/ARCHITECTURE" ] && [ -z "$ROOT" ]; then
        ours=$(cat "$source/ARCHITECTURE") here=$(dpkg --print-architecture)
        [ "$ours" = "$here" ] || fail "这个安装包是 $ours 的，本机是 $here" "this bundle is for $ours, the machine is $here"
    fi
    present=$(current_version) || present=''
    [ -z "$present" ] || [ "$present" = "$version" ] ||
        fail "已装有 $present，请改用 deploy/upgrade.sh" "$present is installed; use deploy/upgrade.sh"
}

check_bundle() {
    [ -f "$source/SHA256SUMS" ] || return 0
    (cd "$source" && sha256sum --check --strict --quiet SHA256SUMS) ||
        fail "安装包不完整，请重新拷贝" "the bundle is damaged; copy it again"
}

# Packages of Debian: from the bundle's debs/ if it has them, else from wherever this machine gets its packages.
install_packages() {
    missing=''
    for each in python3 python3-venv $(wanted prometheus && echo prometheus) \
        $(wanted alertmanager && echo prometheus-alertmanager) $(wanted mosquitto && echo mosquitto); do
        dpkg -s "$each" >/dev/null 2>&1 || missing="$missing $each"
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # one word for each package
    change "安装系统软件包：$missing" "install the packages:$missing" apt_install $missing
}

# Grafana is not Debian's: its package, if somebody has put it into debs/, may ask for others that are not to be had.
install_grafana() {
    package=$(find "$source/debs" -name 'grafana_*.deb' 2>/dev/null | head -n 1)
    if [ -n "$package" ] && ! dpkg -s grafana >/dev/null 2>&1; then
        change "安装 $package" "install $package" apt_install "$package" ||
            say "  Grafana 没有装上，其余照常" "  Grafana is not installed; all else goes on"
    fi
}

apt_install() {
    packages=$*
    if [ -d "$source/debs" ]; then
        # Lists of its own: the machine's sources may be out of reach, and its lists stay as they are. The bundle is not
        # signed; SHA256SUMS above stands for it.
        echo "deb [trusted=yes] file:$source/debs ./" >"$scratch/sources.list"
        mkdir -p "$scratch/lists/partial"
        set -- -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$scratch/lists"
        # As its user _apt it could not read this script's own folder, nor perhaps the bundle.
        set -- "$@" -o APT::Sandbox::User=root
    else
        set --
    fi
    apt-get "$@" update -qq
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get "$@" install -y -qq --no-install-recommends $packages >"$scratch/apt.log" 2>&1 || {
        cat "$scratch/apt.log" >&2
        return 1
    }
}

make_user_and_folders() {
    # Staged for a package, say: users are made where it is installed, and files are root's until then.
    [ -n "$ROOT" ] || getent passwd xunjian >/dev/null ||
        change "建立用户 xunjian" "make the user xunjian" systemd-sysusers /etc/sysusers.d/xunjian.conf
    [ -d "$ROOT/var/lib/xunjian/fonts" ] && [ -d "$ROOT/etc/xunjian/keys" ] && [ -d "$ROOT/var/backups/xunjian" ] ||
        change "建立 /etc/xunjian、/var/lib/xunjian、/var/backups/xunjian" \
            "make /etc/xunjian, /var/lib/xunjian, /var/backups/xunjian" make_folders
}

make_folders() {
    if [ -n "$ROOT" ]; then
        mkdir -p "$ROOT/etc/xunjian/keys" "$ROOT/var/lib/xunjian/fonts" "$ROOT/var/backups/xunjian"
    else
        systemd-tmpfiles --create /etc/tmpfiles.d/xunjian.conf
    fi
}

# give FILE OWNER MODE
give() {
    chmod "$3" "$1"
    [ -n "$ROOT" ] || chown "$2" "$1"
}

make_settings() {
    [ -e "$ROOT/etc/xunjian/config.toml" ] ||
        change "写入 /etc/xunjian/config.toml（每个键都有说明）" "write /etc/xunjian/config.toml, every key commented" make_config
    [ -e "$ROOT/etc/xunjian/keys/xunjian.key" ] ||
        change "生成密钥 /etc/xunjian/keys/xunjian.key：请另行备份，丢失后摄像机密码无法恢复" \
            "make the key /etc/xunjian/keys/xunjian.key: back it up apart, without it camera passwords are lost" make_key
}

make_config() {
    # The shipped settings with the folders of an installed system in place of those beside the file, and its neighbours.
    sed -e 's#_file = "data/#_file = "/etc/xunjian/keys/#' -e 's#= "data/backup"#= "/var/backups/xunjian"#' \
        -e 's#"sqlite:///data/#"sqlite:////var/lib/xunjian/#' -e 's#= "data/#= "/var/lib/xunjian/#' \
        "$source/config.toml" >"$scratch/config.toml"
    ! wanted prometheus || sed -i '/^\[metrics\]/,/^$/s#^prometheus = ""#prometheus = "http://127.0.0.1:9090"#' "$scratch/config.toml"
    ! wanted mosquitto || sed -i -e '/^\[mqtt\]/,/^$/s#^host = ""#host = "127.0.0.1"#' \
        -e '/^\[mqtt\]/,/^$/s#^username = ""#username = "xunjian"#' \
        -e '/^\[mqtt\]/,/^$/s#^password_file = ""#password_file = "/etc/xunjian/keys/mqtt.password"#' "$scratch/config.toml"
    put_now "$scratch/config.toml" "$ROOT/etc/xunjian/config.toml" 0640
    give "$ROOT/etc/xunjian/config.toml" root:xunjian 0640
}

make_key() {
    # A Fernet key: 32 random bytes in the URL-safe alphabet of base64.
    (umask 077 && head -c 32 /dev/urandom | base64 | tr '+/' '-_' >"$ROOT/etc/xunjian/keys/xunjian.key")
    give "$ROOT/etc/xunjian/keys/xunjian.key" xunjian:xunjian 0400
}

# The broker keeps a hash; the password itself lies with the key, where [mqtt] in config.toml says.
make_broker_login() {
    password=$ROOT/etc/xunjian/keys/mqtt.password hashed=$ROOT/etc/mosquitto/xunjian.passwd
    [ -e "$password" ] || change "生成消息服务的密码" "make the password for the broker" make_password "$password"
    [ -e "$hashed" ] || [ "$DRY_RUN" = yes ] || command -v mosquitto_passwd >/dev/null || {
        say "  没有 mosquitto_passwd：消息服务的登录未建立" "  no mosquitto_passwd: the broker's login is not made"
        return 0
    }
    [ -e "$hashed" ] || change "建立消息服务的登录 xunjian" "make the broker's login xunjian" hash_password
}

make_password() {
    (umask 077 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$1")
    give "$1" xunjian:xunjian 0400
}

hash_password() {
    (umask 027 && printf 'xunjian:%s\n' "$(cat "$password")" >"$hashed.new")
    # Replaces the passwords in the file by their hashes; on the command line others could read them.
    mosquitto_passwd -U "$hashed.new"
    give "$hashed.new" root:mosquitto 0640
    mv "$hashed.new" "$hashed"
}

put_fonts() {
    [ -d "$source/fonts" ] && put_tree "$source/fonts" /var/lib/xunjian/fonts/free || return 0
}

put_neighbours() {
    if wanted prometheus; then
        put_tree "$source/deploy/prometheus" /etc/prometheus/xunjian
        put "$source/deploy/systemd/prometheus.conf" /etc/systemd/system/prometheus.service.d/xunjian.conf 0644
    fi
    if wanted alertmanager && [ -d "$source/deploy/alertmanager" ]; then
        put_tree "$source/deploy/alertmanager" /etc/prometheus/xunjian-alertmanager
        put "$source/deploy/systemd/prometheus-alertmanager.conf" \
            /etc/systemd/system/prometheus-alertmanager.service.d/xunjian.conf 0644
    fi
    if wanted mosquitto; then
        put "$source/deploy/mosquitto/xunjian.conf" /etc/mosquitto/conf.d/xunjian.conf 0644
        put "$source/deploy/mosquitto/xunjian.acl" /etc/mosquitto/xunjian.acl 0644
        make_broker_login
    fi
    if wanted grafana; then put_grafana; fi
}

# What was not wanted stays unwanted at the next upgrade.
remember_choice() {
    printf '%s\n' "$without" >"$scratch/without"
    put "$scratch/without" /opt/xunjian/without 0644
}

put_grafana() {
    [ -d "$source/deploy/grafana" ] || return 0
    if [ -d "$ROOT/etc/grafana" ] || [ -x "$ROOT/usr/sbin/grafana-server" ]; then
        put_tree "$source/deploy/grafana/provisioning" /etc/grafana/provisioning
        put_tree "$source/deploy/grafana/dashboards" /var/lib/grafana/dashboards/xunjian
    else
        say "  没有 Grafana：Debian 不含它。把 grafana 的 .deb 放进 debs/ 或自行安装后，再执行一次本脚本" \
            "  no Grafana: Debian has none. Put its .deb into debs/ or install it, and run this script again"
    fi
}

start_services() {
    if staged; then
        say "  没有运行中的 systemd：服务未启用、未启动" "  no systemd is running here: services are neither enabled nor started"
        return 0
    fi
    was_written /etc/systemd/system/ && change "systemctl daemon-reload" "systemctl daemon-reload" systemctl daemon-reload
    serve xunjian.service /etc/systemd/system/xunjian.service
    serve xunjian-backup-hourly.timer /etc/systemd/system/xunjian-backup-hourly.timer
    serve xunjian-backup-nightly.timer /etc/systemd/system/xunjian-backup-nightly.timer
    wanted prometheus && serve prometheus.service /etc/prometheus/xunjian/ /etc/systemd/system/prometheus.service.d/
    wanted alertmanager && [ -d "$source/deploy/alertmanager" ] &&
        serve prometheus-alertmanager.service /etc/prometheus/xunjian-alertmanager/ /etc/systemd/system/prometheus-alertmanager
    wanted mosquitto && serve mosquitto.service /etc/mosquitto/
    wanted grafana && [ -f /lib/systemd/system/grafana-server.service ] &&
        serve grafana-server.service /etc/grafana/ /var/lib/grafana/
    return 0
}

# serve UNIT PREFIX…: enabled, running, and started again if one of its files has changed. One that does not start keeps
# none of the others from starting.
serve() {
    unit=$1
    shift
    systemctl is-enabled --quiet "$unit" 2>/dev/null || change "启用 $unit" "enable $unit" systemctl enable --quiet "$unit"
    if was_written "$@"; then
        change "重新启动 $unit" "restart $unit" started restart
    elif ! systemctl is-active --quiet "$unit"; then
        change "启动 $unit" "start $unit" started start
    fi
}

started() {
    # It may have failed too often already while its settings were missing.
    systemctl reset-failed "$unit" 2>/dev/null || true
    systemctl "$1" "$unit" && return 0
    failed="$failed $unit"
    say "  $unit 没有启动：journalctl -u $unit" "  $unit has not started: journalctl -u $unit" >&2
}

check_config() {
    [ "$DRY_RUN" = no ] && [ -z "$ROOT" ] || return 0
    /usr/local/bin/xunjian --lang "$LANGUAGE" check-config >/dev/null || fail "config.toml 有错误，见上" "config.toml has mistakes, see above"
}

wheel=$(our_wheel)
version=$(version_of "$wheel")
say "安装巡检 $version" "installing Xunjian $version"
check_machine
check_bundle
[ -n "$ROOT" ] || install_packages
[ -n "$ROOT" ] || ! wanted grafana || install_grafana
put_units
make_user_and_folders
make_settings
[ -n "$ROOT" ] || make_version "$wheel"
[ "$(current_version)" = "$version" ] || change "启用版本 $version" "make $version the current version" point_at "$version"
put_fonts
put_neighbours
remember_choice
check_config
start_services
if [ "$changes" -eq 0 ]; then
    say "没有改动：一切都已就绪" "nothing to change: everything is in place"
elif [ "$DRY_RUN" = yes ]; then
    say "以上 $changes 项都没有执行（--dry-run）" "none of these $changes changes has been made (--dry-run)"
elif [ -n "$failed" ]; then
    say "没有启动：$failed" "not started:$failed" >&2
    exit 1
else
    say "完成，共 $changes 项改动。下一步：编辑 /etc/xunjian/config.toml，再执行 xunjian check-config 和 systemctl restart xunjian；" \
        "done, $changes changes. Next: edit /etc/xunjian/config.toml, then run xunjian check-config and systemctl restart xunjian;"
    say "导入台账：xunjian inventory import 台账.xlsx；网页：http://127.0.0.1:8420" \
        "import the ledger: xunjian inventory import LEDGER.xlsx; the page: http://127.0.0.1:8420"
fi
