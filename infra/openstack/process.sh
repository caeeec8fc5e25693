# Sourced: processes with a name, recorded in $STATE/run. Needs STATE, HOST for await_http.

# A pid alone may be another process by now; with its start time (field 22 of stat) it can not.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# process_pid NAME: prints the pid when the recorded process still runs.
process_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$STATE/run/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

# start_process NAME COMMAND...: in a session of its own, so that workers can be ended with it.
start_process() {
  local name=$1
  shift
  setsid "$@" >>"$STATE/log/$name.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid $(start_time $pid)" >"$STATE/run/$name.pid"
}

# stop_process NAME: asks, waits up to 5 s, then kills its whole group.
stop_process() {
  local pid
  if pid=$(process_pid "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      process_pid "$1" >/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$STATE/run/$1.pid"
}

# refuse_taken_port NAME PORT: another server there would answer in our place.
refuse_taken_port() {
  if (exec 3<>"/dev/tcp/$(local_address)/$2") 2>/dev/null; then
    echo "up.sh: port $2 of $HOST is taken; choose another with --$1-port" >&2
    return 1
  fi
}

# local_address: where a server bound to HOST can be reached from here.
local_address() { if [ "$HOST" = 0.0.0.0 ]; then echo 127.0.0.1; else echo "$HOST"; fi; }

answers_200() {
  (
    exec 3<>"/dev/tcp/$(local_address)/$1"
    printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3
    read -t 10 -r line <&3
    [[ $line == HTTP/1.?" 200"* ]]
  ) 2>/dev/null
}

# await_http NAME PORT PATH: until it answers 200, at most 60 s, or fails with its log when the process has ended.
await_http() {
  for _ in $(seq 1200); do
    answers_200 "$2" "$3" && return 0
    process_pid "$1" >/dev/null || break
    sleep 0.05
  done
  echo "up.sh: $1 does not answer on $HOST:$2; the end of its logs:" >&2
  tail -n 20 "$STATE/log/$1"*.log >&2
  return 1
}
