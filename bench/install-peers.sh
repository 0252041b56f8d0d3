#!/bin/sh
# Installs what the benches compare with, from Debian. The benches run without them too: their rows then say "not installed".
set -eu
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
  age curl gcc gnupg gpg-agent iproute2 libc6-dev nginx openssh-client openssh-server openssl procps rsync socat time
# sshd of Debian wants this directory, which its service would make
mkdir -p -m 0755 /run/sshd
