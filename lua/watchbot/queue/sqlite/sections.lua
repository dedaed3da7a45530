--- queue.sqlite.sections: the parts of a list of jobs: for each the statement that finds rows by an
-- index behind a key, the one that reads a row, and the shape that it gets. queue.sqlite.jobs reads
-- them one after the other.
-- Parameters of all scans: ?1 rows, ?2 now, ?3 since, ?4 the text to find, ?5 and on: the keys.

local sections = {}

---@class watchbot.JobSection
---@field name string of its cursors
---@field keys integer columns that order it: k1, k2...
---@field scan string
---@field search string the same, where a text is to be found
---@field details string of a row, by `seq` and the bytes of the message
---@field first fun(now: integer): integer[] the keys in front of the first row
---@field shape fun(row: table, now: integer): watchbot.JobRow

local HUGE = math.maxinteger

-- details

local MESSAGE = [[
  SELECT messages.seq AS seq, id, subject, attributes, deduplication,
    substr(CAST(body AS BLOB), 1, ?2) AS message, length(CAST(body AS BLOB)) AS size,
    fifo_group, priority, receives, sent, first_received, taken, visible_at, lease, returned,
    CASE WHEN since IS NOT NULL THEN iif(lane = '', 'pause', 'limit') END AS held,
    EXISTS (SELECT 1 FROM cancels WHERE cancels.seq = messages.seq) AS cancelling,
    (SELECT coalesce(reason, 'signal ' || signal, 'exit code ' || nullif(code, 0)) FROM attempts
      WHERE attempts.id = contents.id AND outcome <> 'complete'
      ORDER BY seq DESC LIMIT 1) AS reason
  FROM messages LEFT JOIN contents USING (seq) WHERE messages.seq = ?1]]

local DEAD = [[
  SELECT seq, id, subject, attributes, deduplication,
    substr(CAST(body AS BLOB), 1, ?2) AS message, length(CAST(body AS BLOB)) AS size,
    fifo_group, priority, receives, sent, first_received, died, reason
  FROM dead WHERE seq = ?1]]

local ENDED = [[
  SELECT seq, id, subject, fifo_group, receives, sent, started, ended, outcome, code, signal,
    reason, wait, duration, max_rss, cpu, trace, output IS NOT NULL AND ?2 >= 0 AS has_output
  FROM attempts WHERE seq = ?1]]

-- shapes

local function state_of(row, now)
  if not row.visible_at or row.visible_at <= now then return "waiting" end
  return row.receives > 0 and row.lease > row.returned and "running" or "delayed"
end

-- Another program may have written the file, or a disk: what is not of a column's type is left out.
local INTEGERS = {
  "receives", "lease", "returned", "visible_at", "sent", "first_received", "taken", "died",
  "priority", "started", "ended", "code", "wait", "duration", "max_rss", "cpu",
}
local TEXTS = {
  "id", "subject", "fifo_group", "reason", "outcome", "signal", "trace", "output", "attributes",
  "deduplication", "message",
}

--- Leaves out what is not of its column's type.
---@param row table
---@return table row
function sections.sound(row)
  for _, name in ipairs(INTEGERS) do row[name] = math.tointeger(row[name]) end
  for _, name in ipairs(TEXTS) do
    if type(row[name]) ~= "string" then row[name] = nil end
  end
  row.receives = row.receives or 0
  return row
end

local function common(row, state, key)
  row.state, row.key = state, key .. ":" .. row.seq
  row.group = row.fifo_group
  row.fifo_group, row.seq, row.attributes, row.deduplication = nil, nil, nil, nil
  return row
end

local function shape_message(row, now)
  sections.sound(row)
  row.lease, row.returned = row.lease or 0, row.returned or 0
  local state = state_of(row, now)
  row.behind = row.visible_at == nil and not row.held or nil
  row.cancelling = row.cancelling == 1 or nil
  row.due = state == "delayed" and row.visible_at or nil
  row.taken = state == "running" and row.taken or nil
  row.reason = state == "delayed" and row.reason or nil
  row.visible_at, row.lease, row.returned = nil, nil, nil
  return common(row, state, "message")
end

local function shape_dead(row) return common(sections.sound(row), "dead", "dead") end

local function shape_ended(row)
  sections.sound(row)
  row.has_output, row.outcome = row.has_output == 1, row.outcome or "unknown"
  return common(row, row.outcome == "complete" and "done" or "failed", "attempt")
end

-- scans

local function finds(columns)
  local parts = {}
  for index, column in ipairs(columns) do
    parts[index] = ("coalesce(instr(CAST(%s AS BLOB), ?4), 0)"):format(column)
  end
  return "(" .. table.concat(parts, " + ") .. ") > 0"
end

local IN_MESSAGE = finds { "id", "subject", "body", "fifo_group" }
local IN_DEAD = finds { "id", "subject", "body", "fifo_group", "reason" }
local IN_ATTEMPT = finds { "id", "subject", "fifo_group", "reason", "output" }

local RUNNING = "visible_at > ?2 AND receives > 0 AND lease > returned AND sent >= ?3"
local DELAYED = "visible_at > ?2 AND (receives = 0 OR lease <= returned) AND sent >= ?3"
local WAITING = "(visible_at IS NULL OR visible_at <= ?2) AND sent >= ?3"

-- Of messages that are hidden, in the order in which they become visible. `priority <> 0` is for
-- SQLite: only then does it use the index of these.
local HIDDEN = [[
  SELECT visible_at AS k1, receives AS k2, messages.seq AS k3, messages.seq AS seq,
    %s AS wanted
  FROM messages%s WHERE visible_at IS NOT NULL AND priority = 0
    AND (visible_at, receives, messages.seq) > (?5, ?6, ?7)
  ORDER BY visible_at, receives, messages.seq LIMIT ?1]]

local RANKED = [[
  SELECT priority AS k1, visible_at AS k2, receives AS k3, messages.seq AS k4, messages.seq AS seq,
    %s AS wanted
  FROM messages%s WHERE visible_at IS NOT NULL AND priority <> 0
    AND (priority, visible_at, receives, messages.seq) > (?5, ?6, ?7, ?8)
  ORDER BY priority, visible_at, receives, messages.seq LIMIT ?1]]

local IN_ORDER = [[
  SELECT messages.seq AS k1, messages.seq AS seq, %s AS wanted
  FROM messages%s WHERE messages.seq > ?5 ORDER BY messages.seq LIMIT ?1]]

local LETTERS = [[
  SELECT seq AS k1, seq, %s AS wanted FROM dead WHERE seq < ?5 ORDER BY seq DESC LIMIT ?1]]

local ATTEMPTS = [[
  SELECT seq AS k1, seq, %s AS wanted FROM attempts
  WHERE seq < ?5 AND seq >= ?3 * 1024 ORDER BY seq DESC LIMIT ?1]]

local FAILED = [[
  SELECT seq AS k1, seq, %s AS wanted FROM attempts
  WHERE seq < ?5 AND seq >= ?3 * 1024 AND outcome <> 'complete' ORDER BY seq DESC LIMIT ?1]]

local function forward() return { 0 } end
local function backward() return { HUGE } end
local function hidden(now) return { now, HUGE, HUGE } end
local function ranked() return { -HUGE, 0, 0, 0 } end

local function of_messages(name, scan, wanted, keys, first)
  return {
    name = name, keys = keys, first = first, details = MESSAGE, shape = shape_message,
    scan = scan:format(wanted, ""),
    search = scan:format(wanted .. " AND " .. IN_MESSAGE, " LEFT JOIN contents USING (seq)"),
  }
end

local function of_attempts(name, scan, wanted)
  return {
    name = name, keys = 1, first = backward, details = ENDED, shape = shape_ended,
    scan = scan:format(wanted), search = scan:format(wanted .. " AND " .. IN_ATTEMPT),
  }
end

--- A message by its `seq`, and a dead letter.
---@type watchbot.JobSection
sections.MESSAGE = { details = MESSAGE, shape = shape_message }
---@type watchbot.JobSection
sections.DEAD = {
  name = "dead", keys = 1, first = backward, details = DEAD, shape = shape_dead,
  scan = LETTERS:format "died >= ?3", search = LETTERS:format("died >= ?3 AND " .. IN_DEAD),
}

-- In the order of a list.
local ORDER = {
  { "running", of_messages("running", HIDDEN, RUNNING, 3, hidden),
    of_messages("running_ranked", RANKED, RUNNING, 4, ranked) },
  { "waiting", of_messages("waiting", IN_ORDER, WAITING, 1, forward) },
  { "delayed", of_messages("delayed", HIDDEN, DELAYED, 3, hidden),
    of_messages("delayed_ranked", RANKED, DELAYED, 4, ranked) },
  { "dead", sections.DEAD },
}

local ENDS = {
  done = of_attempts("done", ATTEMPTS, "outcome = 'complete'"),
  failed = of_attempts("failed", FAILED, "1"), both = of_attempts("ended", ATTEMPTS, "1"),
}

--- The states that a list may be asked for.
sections.STATES = { "waiting", "delayed", "running", "done", "failed", "dead" }

--- The sections that have these states, in the order of a list.
---@param states watchbot.JobState[]? nil: all
---@return watchbot.JobSection[]
function sections.plan(states)
  local wanted, plan = {}, {}
  for _, state in ipairs(states or sections.STATES) do wanted[state] = true end
  for _, group in ipairs(ORDER) do
    if wanted[group[1]] then table.move(group, 2, #group, #plan + 1, plan) end
  end
  local ends = wanted.done and wanted.failed and "both" or wanted.done and "done"
    or wanted.failed and "failed" or nil
  plan[#plan + 1] = ENDS[ends]
  return plan
end

return sections
