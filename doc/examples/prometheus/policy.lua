-- A watcher whose metrics Prometheus reads.
local watchbot = require "watchbot"

return watchbot.policy {
  queue = "sqlite:jobs.db", command = { "./worker.sh" }, workers = 4,
  listen = "127.0.0.1:9464",
}
