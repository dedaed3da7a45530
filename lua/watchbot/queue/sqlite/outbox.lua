--- queue.sqlite.outbox: how other programs send: a view in the queue file that any SQLite client
-- inserts into, within its own transaction. What `send` does in Lua is a trigger here, which runs
-- in the client's SQLite: 3.38 or later, for JSON. The trigger raises for what cannot be a message;
-- the texts of RAISE are literals: SQLite before 3.47 takes nothing else.
-- https://www.sqlite.org/lang_createtrigger.html#instead_of_trigger

local limits = require "watchbot.lib.limits"

-- Milliseconds since the epoch, the same throughout one statement.
-- https://www.sqlite.org/lang_datefunc.html
local NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

-- A UUID of version 4, RFC 9562, 5.4.
local UUID = [[lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
    || substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1)
    || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))]]

-- What of an insert is refused, and with which words; the first that is true counts.
local REFUSALS = {
  { "typeof(new.body) NOT IN ('text', 'blob')", "body must be text or a blob" },
  { "typeof(new.subject) NOT IN ('text', 'null')", "subject must be text" },
  { "typeof(new.id) NOT IN ('text', 'null') OR new.id = '' OR length(new.id) > 100 "
    .. "OR new.id GLOB '*[^A-Za-z0-9._-]*'",
    "id must be 1 to 100 letters, digits, ''.'', ''_'' and ''-''" },
  { "typeof(new.fifo_group) NOT IN ('text', 'null') OR new.fifo_group = ''",
    "fifo_group must be text that is not empty" },
  { "typeof(new.deduplication_id) NOT IN ('text', 'null') OR new.deduplication_id = ''",
    "deduplication_id must be text that is not empty" },
  { "typeof(new.delay) NOT IN ('integer', 'real', 'null')", "delay must be a number of seconds" },
  { "new.delay < 0 OR new.delay > 3153600000", "delay must be seconds from 0 to 100 years" },
  { "typeof(new.priority) NOT IN ('integer', 'null') OR new.priority NOT BETWEEN -100 AND 100",
    "priority must be a whole number from -100 to 100" },
  { "new.attributes IS NOT NULL AND (typeof(new.attributes) <> 'text' "
    .. "OR NOT json_valid(new.attributes))", "attributes must be JSON" },
  { "json_type(new.attributes) <> 'object'", "attributes must be a JSON object" },
  { "EXISTS (SELECT 1 FROM json_each(new.attributes) WHERE key = '' OR CASE type "
    .. "WHEN 'text' THEN 0 WHEN 'integer' THEN 0 WHEN 'real' THEN 0 "
    .. "WHEN 'object' THEN coalesce(json_type(value, '$.type'), '') <> 'text' "
    .. "OR coalesce(json_type(value, '$.value'), '') <> 'text' ELSE 1 END)",
    "each attribute must be text, a number, or {\"type\": text, \"value\": text}" },
  { ("length(CAST(new.body AS BLOB)) + coalesce(length(CAST(new.subject AS BLOB)), 0) "
    .. "+ coalesce(length(CAST(new.attributes AS BLOB)), 0) > %d"):format(limits.sqs.message),
    "the message has more than 1048576 bytes with its subject and attributes" },
}

local function refusals()
  local cases = {}
  for index, refusal in ipairs(REFUSALS) do
    cases[index] = ("    WHEN %s\n      THEN RAISE(ABORT, 'watchbot: %s')"):format(refusal[1],
      refusal[2])
  end
  return "SELECT CASE\n" .. table.concat(cases, "\n") .. "\n  END;"
end

-- As the queue has them: { name = { type, value } }; NULL where there are none.
local ATTRIBUTES = [[(SELECT CASE WHEN count(*) > 0 THEN json_group_object(key, CASE type
      WHEN 'text' THEN json_object('type', 'String', 'value', value)
      WHEN 'object' THEN json_object('type', json_extract(value, '$.type'),
        'value', json_extract(value, '$.value'))
      ELSE json_object('type', 'Number', 'value', CAST(value AS TEXT)) END) END
      FROM json_each(new.attributes))]]

-- The clock is noted as queue.sqlite.clock does; where it was set back, the next transaction of a
-- watcher moves what lies in the future, which this message is not part of: `due` is moved ahead
-- for that.
local TRIGGER = [[
CREATE TRIGGER outbox_insert INSTEAD OF INSERT ON outbox BEGIN
  %REFUSALS%
  UPDATE state SET clock = %NOW%, latest = max(latest, %NOW%) WHERE %NOW% >= clock + 1000;
  INSERT INTO messages (due, visible_at, sent, born, fifo_group, priority)
    SELECT %DUE%,
      CASE WHEN EXISTS (SELECT 1 FROM messages WHERE fifo_group = new.fifo_group) THEN NULL
        ELSE %DUE% END,
      %NOW%, max(%DUE%, latest), new.fifo_group, coalesce(new.priority, 0)
    FROM state WHERE NOT EXISTS (SELECT 1 FROM deduplications
      WHERE key = new.deduplication_id AND expires > %NOW%);
  INSERT INTO contents (seq, id, subject, attributes, deduplication, body)
    SELECT last_insert_rowid(), coalesce(new.id, %UUID%), new.subject, %ATTRIBUTES%,
      new.deduplication_id, CAST(new.body AS TEXT)
    WHERE NOT EXISTS (SELECT 1 FROM deduplications
      WHERE key = new.deduplication_id AND expires > %NOW%);
  INSERT OR REPLACE INTO deduplications (key, id, expires)
    SELECT new.deduplication_id, id, %NOW% + 300000 FROM contents
    WHERE new.deduplication_id IS NOT NULL AND seq = last_insert_rowid()
      AND NOT EXISTS (SELECT 1 FROM deduplications
        WHERE key = new.deduplication_id AND expires > %NOW%);
END;
]]

-- What is read from it: the id of a message by its deduplication id, for five minutes.
local VIEW = [[
CREATE VIEW outbox (id, subject, body, fifo_group, deduplication_id, delay, priority, attributes) AS
  SELECT id, NULL, NULL, NULL, key, NULL, NULL, NULL FROM deduplications;
]]

local words = {
  NOW = NOW, UUID = UUID, ATTRIBUTES = ATTRIBUTES,
  DUE = ("(%s + CAST(coalesce(new.delay, 0) * 1000 AS INTEGER) + CASE WHEN %s <= clock - 1000 "
    .. "AND new.delay > 0 THEN clock - %s ELSE 0 END)"):format(NOW, NOW, NOW),
}

local trigger = TRIGGER:gsub("%%REFUSALS%%", function() return refusals() end)
  :gsub("%%(%u+)%%", words):gsub("%%(%u+)%%", words)

--- The statements that make the view and its trigger, on the tables of queue.sqlite.schema.
return { sql = VIEW .. trigger }
