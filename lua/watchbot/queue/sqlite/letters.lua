--- queue.sqlite.letters: the methods of an embedded queue on its dead letters, which
-- queue.sqlite.dead reads and changes within one transaction.

local dead = require "watchbot.queue.sqlite.dead"

local letters = {}

-- Those of watchbot.SqliteQueue.
local methods = {}

--- Applies `change` to each item within one transaction; returns a list of results.
---@param items any[]
---@param change fun(transaction: watchbot.Transaction, now: integer, item: any): any
---@return fun(transaction: watchbot.Transaction, now: integer): any[]
function letters.each(items, change)
  return function(transaction, now)
    local answers = {}
    for index, item in ipairs(items) do answers[index] = change(transaction, now, item) end
    return answers
  end
end

--- Dead letters, oldest first. Waits in a task.
---@param limit integer the most letters
---@param after table? the last dead letter of the page before
---@return table[]? letters { id, subject, body, attributes, receives, sent,
--- first_received, died, reason, group }
---@return string? err
---@return string? code
function methods:dead(limit, after)
  return self.reader:patiently(dead.page, limit, after and after.seq or 0)
end

--- `seq` of the newest dead letter, 0 if there is none. Waits in a task.
---@return integer? seq
---@return string? err
---@return string? code
function methods:last_dead()
  return self.reader:patiently(dead.last)
end

-- Applies `change` to the dead letters with these ids, or to all up to `last`, or to all that exist
-- now, in batches that let other work in between.
function methods:change_dead(change, ids, last)
  if ids then
    local answers, err, code = self.sending:submit(letters.each(ids, change), true)
    if not answers then return nil, err, code end
    local count = 0
    for _, answer in ipairs(answers) do count = count + answer end
    return count
  end
  local count = 0
  repeat
    local changed, err, code = self.sending:submit(function(transaction, now)
      last = last or dead.last(transaction)
      return change(transaction, now, nil, last)
    end, true)
    if not changed then return nil, err, code end
    count = count + changed
  until changed == 0
  return count
end

--- Returns dead letters to the queue with a receive count of 0. Waits in a task.
---@param ids string[]? nil: all, or those up to the `seq` `last`
---@param last integer?
---@return integer? count
---@return string? err
---@return string? code
function methods:replay(ids, last)
  return self:change_dead(dead.replay, ids, last)
end

--- Deletes dead letters permanently. Waits in a task.
---@param ids string[]? nil: all, or those up to the `seq` `last`
---@param last integer?
---@return integer? count
---@return string? err
---@return string? code
function methods:purge_dead(ids, last)
  return self:change_dead(dead.purge, ids, last)
end

--- Adds the methods to a class.
---@param class table
function letters.extend(class)
  for name, method in pairs(methods) do class[name] = method end
end

return letters
