--- old_queue: queue files as older versions of watchbot have made them: with the first migrations
-- only.

local schema = require "watchbot.queue.sqlite.schema"
local sqlite = require "watchbot.sqlite"

local old_queue = {}

--- Makes a file of an older format.
---@param path string
---@param version integer
---@return watchbot.Database
function old_queue.make(path, version)
  local database = assert(sqlite.open(path, { create = true }))
  assert(database:execute "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
  for index = 1, version do assert(database:execute(schema.migrations[index])) end
  assert(database:execute(("PRAGMA user_version = %d; PRAGMA application_id = %d"):format(version,
    schema.APPLICATION)))
  return database
end

--- Adds a message, with the columns that every version has.
---@param database watchbot.Database
---@param body string
function old_queue.send(database, body)
  local _, seq = database:run(
    "INSERT INTO messages (due, visible_at, sent, born) VALUES (1, 1, 1, 1)")
  assert(database:run("INSERT INTO contents (seq, id, body) VALUES (?, ?, ?)", seq,
    "old-" .. body, body))
end

return old_queue
