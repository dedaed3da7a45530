--- sqlite: databases that return failures as values, and transactions that wait for their turn.
-- Sits on watchbot.core.sqlite (src/lsqlite.c). A connection waits for another process's lock by
-- sleeping, with jitter, while other tasks continue; SQLite's own busy handler would block the
-- loop. Text may contain any bytes, including NUL; a table with a string in it is bound as a blob,
-- true and false as 1 and 0. Codes are SQLite's names ("SQLITE_FULL",
-- https://www.sqlite.org/rescode.html) or errno names.

local core = require "watchbot.core".sqlite
local own = require "watchbot.lib.own"
local percent = require "watchbot.lib.percent"
local volume = require "watchbot.core".volume
local scheduler = require "watchbot.scheduler"

-- Seconds between two attempts to get a lock; they grow from the first to the second number, and
-- shrink again to the third for connections that have waited long, so that they precede newcomers.
local FIRST_PAUSE, LONGEST_PAUSE, OLD_PAUSE = 0.001, 0.02, 0.003

-- Seconds to wait for a lock while no process commits anything, unless the caller sets another
-- number.
local PATIENCE = 10

---@class watchbot.Database
---@field path string
local Database = {}
Database.__index = Database

---@class watchbot.Transaction runs statements like the database, but a failure ends the transaction
local Transaction = {}
Transaction.__index = Transaction

local Failure = { __name = "watchbot.sqlite.failure" }

---@class watchbot.SqliteModule
local sqlite = {}

-- A URI, https://www.sqlite.org/uri.html
local function immutable(path)
  return "file:" .. percent.encode(path, "[%%?#]") .. "?immutable=1"
end

-- A file that is not in use has no WAL next to it, and does not need one that cannot be created.
local function connect(path, options)
  if not options.read_only then return core.open(path, options.create) end
  local facts, err, code = volume.facts(path)
  if not facts then return nil, err, code end
  local wal = volume.facts(path .. "-wal")
  if wal then return core.open(path, false, "read") end
  return core.open(immutable(path), false, "immutable")
end

--- The name of the network file system that a file is on; nil if it is on none.
---@type fun(path: string): string?
sqlite.network = volume.network

--- Who may access a file, how many names it has, and its size.
---@class watchbot.FileFacts
---@field links integer names of the file
---@field owner integer user id
---@field mode integer permission bits
---@field size integer bytes
---@field is_mount boolean the file itself is mounted

---@type fun(path: string): watchbot.FileFacts?, string?, string?
sqlite.facts = volume.facts

--- The numbers of a receipt of an embedded queue, its message's and its lease's. In C because each
--- job needs them; nothing: the text is no such receipt.
---@type fun(receipt: string): integer?, integer?
sqlite.receipt = core.receipt

--- The effective user id of this process.
---@type fun(): integer
sqlite.user = volume.user

--- Whether an error raised in a transaction comes from the database instead of a mistake in the
--- code.
---@return boolean
function sqlite.is_failure(err)
  return getmetatable(err) == Failure
end

---@param path string
---@param options { create: boolean?, patience: number?, read_only: boolean?, rewrite: (fun(sql:
--- string): string)? }? create: create a missing file, mode 0600; patience: seconds to wait for a
--- lock; rewrite: called once with each statement, before it is prepared
---@return watchbot.Database?
---@return string? err
---@return string? code
function sqlite.open(path, options)
  local connection, err, code = connect(path, options or {})
  if not connection then return nil, err, code end
  local self = own({
    path = path, connection = connection, statements = {}, rewrite = options and options.rewrite,
    patience = options and options.patience or PATIENCE,
  }, Database)
  self.transaction_face = own({ database = self }, Transaction)
  return self
end

--- The prepared statement for `sql`, created at its first use.
function Database:statement(sql)
  local statement = self.statements[sql]
  if statement then return statement end
  if self.closed then return nil, ("'%s': the database is closed"):format(self.path), "Closed" end
  local err, code
  statement, err, code = self.connection:prepare(self.rewrite and self.rewrite(sql) or sql)
  self.statements[sql] = statement
  return statement, err, code
end

local function caller(method)
  return function(self, sql, ...)
    local statement, err, code = self:statement(sql)
    if not statement then return nil, err, code end
    return statement[method](statement, ...)
  end
end

--- Runs a statement with its parameters by position.
---@type fun(self: watchbot.Database, sql: string, ...: any): integer?, integer|string, string?
--- changed rows and the id of the last row inserted, or `nil, err, code`
Database.run = caller "run"

--- The first row, as a table of columns by name; false if there is none.
---@type fun(self: watchbot.Database, sql: string, ...: any): table|false|nil, string?, string?
Database.first = caller "first"

--- All rows.
---@type fun(self: watchbot.Database, sql: string, ...: any): table[]?, string?, string?
Database.all = caller "all"

--- Several statements at once, without parameters or rows.
---@return true? ok
---@return string? err
---@return string? code
function Database:execute(sql)
  return self.connection:execute(self.rewrite and self.rewrite(sql) or sql)
end

local HARMS = {
  moved = { "'%s': the file was moved, deleted or replaced while it was in use", "FileMoved" },
  emptied = { "'%s': another program truncated the file to 0 bytes while it was in use; what is "
    .. "left is in '%s-wal': stop all programs that use it, and run 'watchbot queue salvage'",
    "FileEmptied" },
}

--- Whether another program moved, deleted, replaced or truncated the file since it was opened: then
--- writes are lost.
---@return boolean
---@return string? err
---@return string? code "FileMoved", "FileEmptied"
function Database:has_moved()
  local harm = HARMS[self.connection:harm()]
  if not harm then return false end
  return true, harm[1]:format(self.path, self.path), harm[2]
end

-- Changes with each commit of another connection; nil if it cannot be read now.
local function commits_of(database)
  local row = database:first "PRAGMA data_version"
  return row and row.data_version
end

local function pause_of(waited, tries)
  if waited > 1 then return math.max(OLD_PAUSE, LONGEST_PAUSE / waited) end
  return math.min(FIRST_PAUSE * 1.5 ^ tries, LONGEST_PAUSE)
end

-- The time since which no process has been seen to commit: while others make progress, this is only
-- a queue, however long.
local function stuck_since(database, waiting, now)
  if now - waiting.stuck < database.patience / 2 then return waiting.stuck end
  local seen = commits_of(database)
  if seen and waiting.commits and seen ~= waiting.commits then waiting.stuck = now end
  waiting.commits = seen or waiting.commits
  return waiting.stuck
end

--- Calls `try(self, ...)` repeatedly while the database is locked. Gives up if no process commits
--- for `patience` seconds. Waits in a task.
---@param try fun(self: watchbot.Database, ...): any, string?, string?
---@return any result, or `nil, message, "SQLITE_BUSY"` when it gives up
function Database:patiently(try, ...)
  local waiting, tries
  while true do
    local result, err, code = try(self, ...)
    if result ~= nil or code ~= "SQLITE_BUSY" then return result, err, code end
    local now = scheduler.now()
    waiting, tries = waiting or { started = now, stuck = now }, (tries or 0) + 1
    if now - stuck_since(self, waiting, now) >= self.patience then
      return nil, ("'%s': locked by another process for %g s"):format(self.path, self.patience),
        code
    end
    scheduler.sleep(pause_of(now - waiting.started, tries) * (0.5 + math.random()))
  end
end

local function traceback(err)
  return getmetatable(err) == Failure and err or debug.traceback(tostring(err), 2)
end

function Database:roll_back()
  if not self.closed and self.connection:in_transaction() then
    self.connection:execute "ROLLBACK"
  end
end

function Database:finish(ok, ...)
  if not ok then
    self:roll_back()
    local err = ...
    if getmetatable(err) == Failure then return nil, err.message, err.code end
    return nil, err, "InternalError"
  end
  if select("#", ...) > 0 and (...) == nil then
    self:roll_back()
    return ...
  end
  local committed, err, code = self:run "COMMIT"
  if committed then return ... end
  self:roll_back()
  return nil, err, code
end

--- Calls `body(transaction, ...)` between BEGIN IMMEDIATE and COMMIT; waits, in a task, for this
--- connection's turn. The body itself must not wait. If it raises an error or returns nil first, or
--- if a statement of the transaction fails, everything is rolled back.
---@param body fun(transaction: watchbot.Transaction, ...): ...
---@return any ... the results of the body, or `nil, err, code`; a raised error is an
--- "InternalError"
function Database:transaction(body, ...)
  local begun, err, code = self:patiently(self.run, "BEGIN IMMEDIATE")
  if not begun then return nil, err, code end
  return self:finish(xpcall(body, traceback, self.transaction_face, ...))
end

--- Closes the database; may be called twice. The last connection to close moves the content of the
--- WAL into the file.
function Database:close()
  self.closed, self.statements = true, {}
  self.connection:close()
end

Database.__close = Database.close

local function checked(result, err, code)
  if result == nil then error(setmetatable({ message = err, code = code }, Failure), 0) end
  return result, err
end

-- Calls the statement directly: each job runs some.
local function checked_caller(method)
  return function(self, sql, ...)
    local database = self.database
    local statement = database.statements[sql]
    if not statement then statement = checked(database:statement(sql)) end
    local result, err, code = statement[method](statement, ...)
    if result == nil then checked(nil, err, code) end
    return result, err
  end
end

Transaction.run = checked_caller "run"
Transaction.first = checked_caller "first"
Transaction.all = checked_caller "all"

function Transaction:execute(sql)
  return checked(self.database:execute(sql))
end

return sqlite
