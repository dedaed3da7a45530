-- The Lua module, built from a checkout: luarocks make rockspec/watchbot-scm-1.rockspec
-- The programs watchbot and watchbot-log carry Lua and every module inside them; they come with `make install`.
rockspec_format = "3.0"
package = "watchbot"
version = "scm-1"

source = { url = "file://." }

description = {
  summary = "Watches a queue and runs one task for each message",
  detailed = [[
    For each message of a queue (SQS, or a SQLite file) one task is run, a child process, a Lua function or an ECS task, and
    its exit code decides what becomes of the message. This rock is the Lua module: require "watchbot" runs a policy, and its
    scheduler, processes, log, queues and signed AWS calls can be used alone. Linux only.]],
  license = "MIT",
}

supported_platforms = { "linux" }

dependencies = {
  "lua >= 5.4, < 5.5",
  "lua-cjson >= 2.1",
  "luaexpat >= 1.4",
}

-- No headers: Debian has curl's where the compiler looks for them, and LuaRocks does not.
external_dependencies = {
  CURL = { library = "curl" },
  OPENSSL = { library = "crypto" },
  SQLITE = { library = "sqlite3" },
}

build = {
  type = "builtin",
  modules = {
    ["watchbot.core"] = {
      sources = {
        "src/buffer.c", "src/child.c", "src/clock.c", "src/core.c", "src/digest.c", "src/empty.c", "src/guardian.c",
        "src/http.c", "src/json.c", "src/laws.c", "src/lchildren.c", "src/lempty.c", "src/lerror.c", "src/lhandle.c",
        "src/lhttp.c", "src/libcurl.c", "src/lines.c", "src/linput.c", "src/ljson.c", "src/llog.c", "src/loop.c",
        "src/lprocess.c", "src/lscheduler.c", "src/lscratch.c", "src/lsqlite.c", "src/lstart.c", "src/lvectors.c",
        "src/multi.c", "src/poller.c", "src/scratch.c", "src/sigpipe.c", "src/sigv4.c", "src/sink.c", "src/stream.c",
        "src/task.c",
      },
      incdirs = { "src", "include", "$(CURL_INCDIR)", "$(OPENSSL_INCDIR)", "$(SQLITE_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)", "$(OPENSSL_LIBDIR)", "$(SQLITE_LIBDIR)" },
      libraries = { "dl", "crypto", "sqlite3" },
    },
    ["watchbot.app"] = "lua/watchbot/app.lua",
    ["watchbot.attempt"] = "lua/watchbot/attempt.lua",
    ["watchbot.attributes"] = "lua/watchbot/attributes.lua",
    ["watchbot.aws.call"] = "lua/watchbot/aws/call.lua",
    ["watchbot.aws.config"] = "lua/watchbot/aws/config.lua",
    ["watchbot.aws.credentials"] = "lua/watchbot/aws/credentials.lua",
    ["watchbot.aws.endpoint"] = "lua/watchbot/aws/endpoint.lua",
    ["watchbot.aws.errors"] = "lua/watchbot/aws/errors.lua",
    ["watchbot.aws.fetch"] = "lua/watchbot/aws/fetch.lua",
    ["watchbot.aws.imds"] = "lua/watchbot/aws/imds.lua",
    ["watchbot.aws"] = "lua/watchbot/aws/init.lua",
    ["watchbot.aws.json"] = "lua/watchbot/aws/json.lua",
    ["watchbot.aws.keys"] = "lua/watchbot/aws/keys.lua",
    ["watchbot.aws.profiles"] = "lua/watchbot/aws/profiles.lua",
    ["watchbot.aws.protocol"] = "lua/watchbot/aws/protocol.lua",
    ["watchbot.aws.provider.container"] = "lua/watchbot/aws/provider/container.lua",
    ["watchbot.aws.provider.environment"] = "lua/watchbot/aws/provider/environment.lua",
    ["watchbot.aws.provider.given"] = "lua/watchbot/aws/provider/given.lua",
    ["watchbot.aws.provider.instance"] = "lua/watchbot/aws/provider/instance.lua",
    ["watchbot.aws.provider.plan"] = "lua/watchbot/aws/provider/plan.lua",
    ["watchbot.aws.provider.process"] = "lua/watchbot/aws/provider/process.lua",
    ["watchbot.aws.provider.profile"] = "lua/watchbot/aws/provider/profile.lua",
    ["watchbot.aws.provider.role"] = "lua/watchbot/aws/provider/role.lua",
    ["watchbot.aws.provider.web_identity"] = "lua/watchbot/aws/provider/web_identity.lua",
    ["watchbot.aws.query"] = "lua/watchbot/aws/query.lua",
    ["watchbot.aws.read_file"] = "lua/watchbot/aws/read_file.lua",
    ["watchbot.aws.refresher"] = "lua/watchbot/aws/refresher.lua",
    ["watchbot.aws.retry"] = "lua/watchbot/aws/retry.lua",
    ["watchbot.aws.services"] = "lua/watchbot/aws/services.lua",
    ["watchbot.aws.xml"] = "lua/watchbot/aws/xml.lua",
    ["watchbot.breaker"] = "lua/watchbot/breaker.lua",
    ["watchbot.cli.check"] = "lua/watchbot/cli/check.lua",
    ["watchbot.cli.dead_letter"] = "lua/watchbot/cli/dead_letter.lua",
    ["watchbot.cli"] = "lua/watchbot/cli/init.lua",
    ["watchbot.cli.listen"] = "lua/watchbot/cli/listen.lua",
    ["watchbot.cli.options"] = "lua/watchbot/cli/options.lua",
    ["watchbot.cli.run"] = "lua/watchbot/cli/run.lua",
    ["watchbot.cli.send"] = "lua/watchbot/cli/send.lua",
    ["watchbot.cli.serve"] = "lua/watchbot/cli/serve.lua",
    ["watchbot.ecs.budget"] = "lua/watchbot/ecs/budget.lua",
    ["watchbot.ecs.ending"] = "lua/watchbot/ecs/ending.lua",
    ["watchbot.ecs.events"] = "lua/watchbot/ecs/events.lua",
    ["watchbot.ecs.follower"] = "lua/watchbot/ecs/follower.lua",
    ["watchbot.ecs.request"] = "lua/watchbot/ecs/request.lua",
    ["watchbot.ecs.stopped"] = "lua/watchbot/ecs/stopped.lua",
    ["watchbot.envelope"] = "lua/watchbot/envelope.lua",
    ["watchbot.fields"] = "lua/watchbot/fields.lua",
    ["watchbot.fifo"] = "lua/watchbot/fifo.lua",
    ["watchbot.hooks"] = "lua/watchbot/hooks.lua",
    ["watchbot.host"] = "lua/watchbot/host.lua",
    ["watchbot.http"] = "lua/watchbot/http.lua",
    ["watchbot.inherit"] = "lua/watchbot/inherit.lua",
    watchbot = "lua/watchbot/init.lua",
    ["watchbot.input_lines"] = "lua/watchbot/input_lines.lua",
    ["watchbot.intake"] = "lua/watchbot/intake.lua",
    ["watchbot.job"] = "lua/watchbot/job.lua",
    ["watchbot.journal"] = "lua/watchbot/journal.lua",
    ["watchbot.journal.listen"] = "lua/watchbot/journal/listen.lua",
    ["watchbot.journal.task"] = "lua/watchbot/journal/task.lua",
    ["watchbot.leases"] = "lua/watchbot/leases.lua",
    ["watchbot.load"] = "lua/watchbot/load.lua",
    ["watchbot.log"] = "lua/watchbot/log.lua",
    ["watchbot.notices"] = "lua/watchbot/notices.lua",
    ["watchbot.notification"] = "lua/watchbot/notification.lua",
    ["watchbot.notifier"] = "lua/watchbot/notifier.lua",
    ["watchbot.outbox"] = "lua/watchbot/outbox.lua",
    ["watchbot.policy"] = "lua/watchbot/policy.lua",
    ["watchbot.process"] = "lua/watchbot/process.lua",
    ["watchbot.protection"] = "lua/watchbot/protection.lua",
    ["watchbot.queue"] = "lua/watchbot/queue/init.lua",
    ["watchbot.queue.sqlite"] = "lua/watchbot/queue/sqlite.lua",
    ["watchbot.queue.sqlite.committer"] = "lua/watchbot/queue/sqlite/committer.lua",
    ["watchbot.queue.sqlite.schema"] = "lua/watchbot/queue/sqlite/schema.lua",
    ["watchbot.queue.sqlite.store"] = "lua/watchbot/queue/sqlite/store.lua",
    ["watchbot.queue.sqs"] = "lua/watchbot/queue/sqs.lua",
    ["watchbot.recent"] = "lua/watchbot/recent.lua",
    ["watchbot.recent_logs"] = "lua/watchbot/recent_logs.lua",
    ["watchbot.runner.ecs"] = "lua/watchbot/runner/ecs.lua",
    ["watchbot.runner.emptying"] = "lua/watchbot/runner/emptying.lua",
    ["watchbot.runner"] = "lua/watchbot/runner/init.lua",
    ["watchbot.runner.lua"] = "lua/watchbot/runner/lua.lua",
    ["watchbot.runner.process"] = "lua/watchbot/runner/process.lua",
    ["watchbot.scheduler"] = "lua/watchbot/scheduler.lua",
    ["watchbot.settle"] = "lua/watchbot/settle.lua",
    ["watchbot.sqlite"] = "lua/watchbot/sqlite.lua",
    ["watchbot.suggest"] = "lua/watchbot/suggest.lua",
    ["watchbot.tally"] = "lua/watchbot/tally.lua",
    ["watchbot.text"] = "lua/watchbot/text.lua",
    ["watchbot.topic"] = "lua/watchbot/topic.lua",
    ["watchbot.version"] = "lua/watchbot/version.lua",
    ["watchbot.volumes"] = "lua/watchbot/volumes.lua",
    ["watchbot.watcher"] = "lua/watchbot/watcher.lua",
  },
}
