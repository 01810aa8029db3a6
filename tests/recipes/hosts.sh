#!/usr/bin/env bash
# The recipe "Several machines over ssh" of cli/RECIPES.md, tried: three hosts, played by network
# namespaces with an sshd in each, code one folder; one of them is killed in the middle. Nothing may be
# lost or done twice, and the files are those that one machine makes. By hand, as root; needs ip,
# sshd, ssh-keygen and GNU parallel.  tests/recipes/hosts.sh
source "$(dirname "$0")/../cli/common.bash"
for tool in ip sshd ssh-keygen parallel; do
    PATH=$PATH:/usr/sbin command -v $tool >/dev/null || { echo "skip: no $tool"; exit 0; }
done
n_pictures=${PICTURES:-120} n_shards=12
net=10.213.77
model=$ROOT/models/weights/student.licw # the same on all machines

tear_down() {
    local host
    for host in 1 2 3; do
        ip netns pids lic-h$host 2>/dev/null | xargs -r kill -9
        ip netns del lic-h$host 2>/dev/null
    done
    ip link del lic-br 2>/dev/null
    rm -rf "$T"
}
trap tear_down EXIT
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$T/key"
ssh-keygen -q -t ed25519 -N '' -f "$T/host"
cp "$T/key.pub" "$T/authorized"
printf '%s\n' "HostKey $T/host" "AuthorizedKeysFile $T/authorized" 'StrictModes no' 'PermitRootLogin yes' \
    'PasswordAuthentication no' 'UsePAM no' "PidFile none" >"$T/sshd_config"
ip link add lic-br type bridge && ip addr add $net.254/24 dev lic-br && ip link set lic-br up || exit 1
for host in 1 2 3; do
    ip netns add lic-h$host
    ip link add lic-v$host type veth peer name eth0 netns lic-h$host
    ip link set lic-v$host master lic-br up
    ip -n lic-h$host addr add $net.$host/24 dev eth0
    ip -n lic-h$host link set eth0 up
    ip -n lic-h$host link set lo up
    ip netns exec lic-h$host /usr/sbin/sshd -f "$T/sshd_config" -E "$T/sshd.log"
    printf 'Host h%s\nHostName %s\n' $host $net.$host
done >"$T/ssh_config"
printf '%s\n' 'Host *' "IdentityFile $T/key" 'StrictHostKeyChecking no' "UserKnownHostsFile $T/known" 'LogLevel ERROR' \
    'ServerAliveInterval 1' 'ServerAliveCountMax 2' 'ConnectTimeout 2' >>"$T/ssh_config"
ssh() { command ssh -F "$T/ssh_config" "$@"; }
for host in h1 h2 h3; do holds "$host answers" ssh $host true; done

cd "$T" || exit 1
mkdir -p photos/sub results
for ((i = 0; i < n_pictures; i++)); do
    { printf 'P6\n320 240\n255\n'; head -c 230400 /dev/urandom; } >"photos/$( ((i % 3)) || echo sub/)p$i.ppm"
done
run "$LIC" encode --quiet --model "$model" -r photos --output-dir alone
expect "one machine alone" 0

printf 'ssh -F %s/ssh_config h%s\n' "$T" 1 "$T" 2 "$T" 3 >hosts
collection() { # the recipe
    parallel --sshloginfile hosts --jobs 1 --retries 4 --workdir "$T" --joblog jobs.log \
        "$LIC encode --quiet --model $model -T 1 -n -r photos --output-dir coded --shard {}/$n_shards" \
        "--json=results/{}.\$(date +%s%N).json" ::: $(seq $n_shards)
}
collection >"$T/parallel.log" 2>"$T/err" &
pid=$!
for ((wait = 0; wait < 300; wait++)); do # a third of the pictures, then h2 dies with all it runs
    [ "$(find coded -name '*.lic' 2>/dev/null | wc -l)" -ge $((n_pictures / 3)) ] && break
    sleep 0.1
done
half=$(find coded -name '*.lic' | wc -l)
ip netns pids lic-h2 | xargs kill -9
ip -n lic-h2 link set eth0 down
wait $pid
rc=$?
echo "killed h2 after $half of $n_pictures pictures; parallel: exit $rc"
cut -f 1,2,4,7 jobs.log | sed "s|ssh -F $T/ssh_config ||; s/^/    /"
find . -name '.*.lic.??????' -not -path './alone/*' -print | sed 's/^/    left by the killed: /'
expect "the others took over" 0
before=$(find coded -name '*.lic' -printf '%p %T@\n' | sort | md5sum)
collection >"$T/parallel.log" 2>"$T/err"
rc=$?
expect "the same command again" 0
holds "does nothing again" test "$before" = "$(find coded -name '*.lic' -printf '%p %T@\n' | sort | md5sum)"
holds "every picture, as one machine makes it" diff -r -x '.*' alone coded
cat results/*.json | sed -n 's/.*"input": "\([^"]*\)".*"status": "LIC_OK".*/\1/p' | sort >said
holds "no picture was done twice" test -z "$(uniq -d said)"
find photos -type f | sort >all
lost=$(comm -23 all said | wc -l)
echo "pictures whose JSON line died with the host: $lost"
holds "at most one line was lost, that of the file being finished" test "$lost" -le 1
finish
