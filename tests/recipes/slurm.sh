#!/usr/bin/env bash
# The recipe "Slurm" of cli/RECIPES.md, tried on a cluster of one machine with three nodes: an array of
# jobs codes a folder, some are cancelled in the middle, the same array is submitted again. By hand,
# as root; needs slurmctld, slurmd, sbatch and munged, none of them running.  tests/recipes/slurm.sh
source "$(dirname "$0")/../cli/common.bash"
PATH=$PATH:/usr/sbin
for tool in slurmctld slurmd sbatch munged; do
    command -v $tool >/dev/null || { echo "skip: no $tool"; exit 0; }
done
if pgrep slurm >/dev/null || pgrep munged >/dev/null; then
    echo "skip: Slurm or munge runs here already"
    exit 0
fi
n_pictures=${PICTURES:-120} host=$(hostname -s)
export model=$ROOT/models/weights/student.licw LIC
daemons=()

tear_down() {
    scancel -u root 2>/dev/null
    [ ${#daemons[@]} -gt 0 ] && kill "${daemons[@]}" 2>/dev/null
    sleep 1
    rm -rf "$T"
}
trap tear_down EXIT
chmod 755 "$T"
mkdir -p "$T"/{state,munge}
chown -R root: "$T/munge"
chmod 700 "$T/munge"
head -c 1024 /dev/urandom >"$T/munge/key"
chmod 400 "$T/munge/key"
munged --foreground --force --key-file="$T/munge/key" --socket="$T/munge.socket" --pid-file="$T/munge/pid" \
    --log-file="$T/munge/log" --seed-file="$T/munge/seed" >"$T/munged.log" 2>&1 &
daemons+=($!)
cat >"$T/slurm.conf" <<END
ClusterName=lic
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$T/munge.socket
CredType=cred/munge
SlurmctldPort=17817
StateSaveLocation=$T/state
SlurmdSpoolDir=$T/spool%n
SlurmctldPidFile=$T/ctld.pid
SlurmdPidFile=$T/%n.pid
SlurmctldLogFile=$T/ctld.log
SlurmdLogFile=$T/%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17821 CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17822 CPUs=1
NodeName=n3 NodeHostname=$host NodeAddr=127.0.0.1 Port=17823 CPUs=1
PartitionName=all Nodes=n1,n2,n3 Default=YES State=UP
END
mkdir -p "$T"/spooln{1,2,3}
export SLURM_CONF=$T/slurm.conf
slurmctld -D >"$T/ctld.out" 2>&1 &
daemons+=($!)
for node in n1 n2 n3; do
    slurmd -D -N $node >"$T/$node.out" 2>&1 &
    daemons+=($!)
done
for ((wait = 0; wait < 100; wait++)); do
    [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 3 ] && break
    sleep 0.2
done
holds "three nodes are idle" test "$(sinfo -h -t idle -o %D)" = 3
[ "$failed" -eq 0 ] || { tail -n 5 "$T"/*.out "$T"/*.log; finish; exit 1; }

cd "$T" || exit 1
mkdir -p photos/sub results
for ((i = 0; i < n_pictures; i++)); do
    { printf 'P6\n320 240\n255\n'; head -c 230400 /dev/urandom; } >"photos/$( ((i % 3)) || echo sub/)p$i.ppm"
done
run "$LIC" encode --quiet --model "$model" -r photos --output-dir alone
expect "one machine alone" 0
cat >encode.sbatch <<'END'
#!/bin/bash
#SBATCH --array=1-12
#SBATCH --cpus-per-task=1
#SBATCH --output=results/%A_%a.log
exec ${LIC:-lic} encode --quiet ${model:+--model $model} -n -r photos --output-dir coded \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --json="results/$SLURM_ARRAY_JOB_ID.$SLURM_ARRAY_TASK_ID.json"
END
coded() { find coded -name '*.lic' 2>/dev/null | wc -l; }
sbatch -W encode.sbatch >first.log 2>&1 &
pid=$!
for ((wait = 0; wait < 300 && $(coded) < n_pictures / 3; wait++)); do sleep 0.1; done
half=$(coded)
scancel --signal=KILL --full "$(squeue -h -r -t running -o %A | head -n 1)"
scancel -u root
wait $pid
echo "cancelled after $half of $n_pictures pictures; there are $(coded) now"
holds "not all were coded" test "$(coded)" -lt "$n_pictures"
run sbatch -W encode.sbatch
expect "the same array again" 0
holds "every picture, as one machine makes it" diff -r -x '.*' alone coded
cat results/*.json | sed -n 's/.*"input": "\([^"]*\)".*"status": "LIC_OK".*/\1/p' | sort >said
holds "no picture was done twice" test -z "$(uniq -d said)"
echo "pictures without a JSON line: $(find photos -type f | sort | comm -23 - said | wc -l)"
finish
