local name = require "watchbot.queue.sqlite.name"
local queue = require "watchbot.queue"
local workshop = require "support.workshop"

describe("the name of a queue's file", function()
  it("is nearly anything", function()
    for text, path in pairs {
      ["jobs.db"] = "./jobs.db", ["/var/jobs.db"] = "/var/jobs.db", ["///jobs"] = "/jobs",
      ["a b.db"] = "./a b.db", ["what?"] = "./what?", ["a#b"] = "./a#b", ["100%"] = "./100%",
      [":x"] = "./:x", ["-wal"] = nil, ["jobs~"] = "./jobs~", ["\xff\xfe"] = "./\xff\xfe",
      ["/a?b/jobs.db"] = "/a?b/jobs.db", ["%2Fjobs"] = "./%2Fjobs",
    } do
      assert.are.equal(path, name.path(text), text)
    end
  end)

  -- "sqlite::memory:" and "sqlite:jobs.db?mode=ro" made files of these names: a sender and a
  -- watcher that meant one queue had two, silently.
  it("is none that means something else, and the error says what to write", function()
    for text, wanted in pairs {
      [""] = "missing", ["/"] = "missing", ["jobs/"] = "missing", [":memory:"] = "file that",
      [":memory:?cache=shared"] = "file that", ["file:jobs.db"] = "sqlite:jobs.db",
      ["file:jobs.db?mode=memory"] = "URI", ["file:///tmp/jobs.db"] = "URI",
      ["jobs.db?mode=ro"] = "parameter", ["/tmp/jobs.db?_busy=1&x=2"] = "parameter",
      ["~/jobs.db"] = "not expanded", ["~user/jobs.db"] = "not expanded", [" jobs.db"] = "begins",
      ["jobs.db "] = "ends", ["jobs\t.db"] = "control", ["jobs\0.db"] = "control",
      ["jobs\n.db"] = "control", ["jobs.db-wal"] = "WAL", ["/x/jobs.db-shm"] = "shared memory",
      ["jobs-journal"] = "journal", ["//host/jobs.db"] = "write sqlite:host/jobs.db",
    } do
      local path, err = name.path(text)
      assert.is_nil(path, text)
      assert.is_truthy(err:find(wanted, 1, true), text .. err)
      local ok, problem, code = queue.check("sqlite:" .. text)
      assert.is_nil(ok)
      assert.are.same({ "Usage", true }, { code, problem:find(err, 1, true) ~= nil })
    end
  end)

  it("has a scheme in lower case, as everywhere else", function()
    local _, err = queue.check "SQLITE:jobs.db"
    assert.matches("write 'sqlite:' in lower case", err)
    _, err = queue.check "HTTPS://sqs.us-east-1.amazonaws.com/123456789012/jobs"
    assert.matches("write 'https:' in lower case", err)
    _, err = queue.check "Sqlite3:jobs.db"
    assert.matches("expected sqlite:FILE or https://sqs", err)
  end)

  it("that is refused leaves no file behind", workshop.task(function(folder)
    for _, text in ipairs { ":memory:", "file:x.db?mode=memory", "x.db?mode=ro", "x.db-wal" } do
      local exit, _, err = workshop.run(folder, { "send", "--queue", "sqlite:" .. text, "hello" })
      assert.are.equal(2, exit.code)
      assert.matches("^watchbot: queue 'sqlite:", err)
    end
    local pipe <close> = io.popen("ls -A " .. folder.path)
    assert.are.equal("", pipe:read "a")
  end))
end)
