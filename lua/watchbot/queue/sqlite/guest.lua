--- queue.sqlite.guest: a queue in another program's database, `sqlite:app.db?prefix=watchbot_`.
-- Its tables, indexes and triggers have names that begin with the prefix. The statements are those
-- of every queue file: each is rewritten once, when it is prepared. The database's settings stay
-- the application's: it has to be in WAL mode already.

local guest = {}

local NAMES = {
  state = true, messages = true, contents = true, dead = true, deduplications = true,
  progress = true, progress_chunks = true, outbox = true, version = true,
  attempts = true, cancels = true, watchers = true, pauses = true, holds = true, starts = true,
  schedules = true, once_keys = true,
}

-- After these a word is a table, not a column. ON is here for indexes and triggers; no join of the
-- queue's statements has a bare table's name after its ON.
local BEFORE_TABLE = {
  FROM = true, JOIN = true, INTO = true, UPDATE = true, ON = true, ROLLBACK = true,
}

-- After these a word is a name that the schema gives.
local BEFORE_NAME = { TABLE = true, INDEX = true, TRIGGER = true, VIEW = true }

local function is_named(word, before, after)
  return BEFORE_NAME[before] or NAMES[word] and (BEFORE_TABLE[before] or after == ".")
end

-- The end of a string literal or a comment that begins at `at`; nil where none does.
local function opaque(sql, at)
  if sql:find("^'", at) then return (select(2, sql:find("^'[^']*'", at))) end
  if sql:find("^%-%-", at) then return (select(2, sql:find("^[^\n]*", at))) end
end

--- A function that puts the prefix before the queue's names in a statement.
---@param prefix string
---@return fun(sql: string): string
function guest.rewriter(prefix)
  return function(sql)
    local parts, at, before = {}, 1, nil
    while at <= #sql do
      local stop = opaque(sql, at)
      if stop then
        local literal = sql:sub(at, stop)
        -- The row of sqlite_sequence.
        parts[#parts + 1] = literal == "'messages'" and ("'%smessages'"):format(prefix) or literal
      else
        local word = sql:match("^[%a_][%w_]*", at)
        stop = at + (word and #word or 1) - 1
        if word then
          local named = is_named(word, before, sql:sub(stop + 1, stop + 1))
          parts[#parts + 1] = (named and prefix or "") .. word
          before = word:upper()
        else
          parts[#parts + 1] = sql:sub(at, at)
          if not parts[#parts]:find "%s" then before = nil end
        end
      end
      at = stop + 1
    end
    return table.concat(parts)
  end
end

--- What is wrong with a prefix; nil if nothing is.
---@param prefix string
---@return string?
function guest.problem(prefix)
  if not prefix:find "^[%a_][%w_]*$" or #prefix > 40 then
    return "a prefix has 1 to 40 letters, digits and '_', and does not begin with a digit"
  elseif prefix:lower():find "^sqlite_" then
    return "SQLite keeps names that begin with 'sqlite_' for itself"
  end
end

--- The version of the queue's tables in the database; 0 where there are none.
---@param reader watchbot.Database|watchbot.Transaction
---@param prefix string
---@return integer? version
---@return string? err
---@return string? code
function guest.version(reader, prefix)
  local row, err, code = reader:first("SELECT 1 FROM sqlite_master WHERE name = ?",
    prefix .. "version")
  if not row then return row == false and 0 or nil, err, code end
  row, err, code = reader:first "SELECT version FROM version"
  if row == false then return nil, ("the table %sversion is empty"):format(prefix), "NotAQueue" end
  return row and row.version, err, code
end

--- Notes the version, within the transaction that migrates.
---@param transaction watchbot.Transaction
---@param version integer
function guest.note(transaction, version)
  if version == 1 then transaction:execute "CREATE TABLE version (version INTEGER NOT NULL)" end
  transaction:execute(("DELETE FROM version; INSERT INTO version VALUES (%d)"):format(version))
end

--- Refuses a database in which a queue cannot work as it is.
---@param database watchbot.Database
---@return true? ok
---@return string? err
---@return string? code
function guest.check(database)
  local row, err, code = database:first [[SELECT
    (SELECT journal_mode FROM pragma_journal_mode) AS mode,
    (SELECT application_id FROM pragma_application_id) = 0x77626f74 AS is_queue]]
  if not row then return nil, err, code end
  if row.is_queue == 1 then
    return nil, ("'%s': this is a queue's file itself; leave out the prefix"):format(database.path),
      "NotAGuest"
  elseif row.mode ~= "wal" then
    return nil, ("'%s': its journal mode is '%s', and a queue in it needs WAL: let the "
      .. "application run PRAGMA journal_mode = WAL once"):format(database.path, row.mode), "NoWal"
  end
  return true
end

return guest
