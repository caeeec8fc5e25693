# Sourced: RabbitMQ, without its service and its directories. Needs STATE, HOST, BROKER_PORT.

broker_environment() {
  # A name server of its own, so that neither a service of the system nor another instance is met.
  echo "HOME=$STATE/broker" "RABBITMQ_NODENAME=shoal@localhost" "RABBITMQ_NODE_IP_ADDRESS=$(local_address)" \
    "RABBITMQ_NODE_PORT=$BROKER_PORT" "RABBITMQ_DIST_PORT=$((BROKER_PORT + 20000))" "ERL_EPMD_PORT=$((BROKER_PORT + 10000))" \
    "ERL_EPMD_ADDRESS=127.0.0.1" "RABBITMQ_MNESIA_BASE=$STATE/broker/mnesia" "RABBITMQ_LOG_BASE=$STATE/log" \
    "RABBITMQ_CONFIG_FILE=$STATE/broker/rabbitmq" "RABBITMQ_ENABLED_PLUGINS_FILE=$STATE/broker/plugins" \
    "RABBITMQ_PID_FILE=$STATE/broker/pid" "RABBITMQ_CONF_ENV_FILE=/dev/null" "LANG=C.UTF-8" "PATH=$PATH"
}

start_broker() {
  process_pid broker >/dev/null && return 0
  mkdir -p "$STATE/broker/mnesia"
  echo '[].' >"$STATE/broker/plugins"
  # The default user may come from the loopback only, which is where all of this is.
  cat >"$STATE/broker/rabbitmq.conf" <<CONF
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 64MiB
loopback_users = none
CONF
  # shellcheck disable=SC2046
  start_process broker env -i $(broker_environment) ERL_FLAGS='+S 1:1 +sbwt none' /usr/lib/rabbitmq/bin/rabbitmq-server
}

# await_broker: until it takes connections, at most 120 s.
await_broker() {
  for _ in $(seq 1200); do
    (exec 3<>"/dev/tcp/$(local_address)/$BROKER_PORT") 2>/dev/null && return 0
    process_pid broker >/dev/null || break
    sleep 0.1
  done
  echo "nova-up.sh: RabbitMQ does not listen on $HOST:$BROKER_PORT; the end of its log:" >&2
  tail -n 20 "$STATE"/log/broker.log >&2
  return 1
}

# stop_broker: and its name server, which stays by itself for others of its kind.
stop_broker() {
  local was_running=''
  process_pid broker >/dev/null && was_running=1
  stop_process broker
  [ -z "$was_running" ] || ERL_EPMD_PORT=$((BROKER_PORT + 10000)) epmd -kill >/dev/null 2>&1 || true
}
