#!/bin/sh
# Installs what the benches compare with and measure by, from Debian, and nothing that is there already. It starts nothing: the benches make
# throw-away keys and configurations for every run, and listen on loopback only. They run without these programs too: rows then say "not installed".
set -eu
packages='age bash coreutils curl gcc gnupg gpg-agent iproute2 libc6-dev nginx openssh-client openssh-server openssl procps rsync socat tar time util-linux'
missing=''
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  # no service of a package is to start: nothing but the benches is to listen
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -q
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
# sshd of Debian wants this directory, which its service would make
mkdir -p -m 0755 /run/sshd
