--- queue.sqlite.lanes: what the limits of policies hold back now, for people: of each limit and key
-- how many messages are in flight, and how many wait. queue.sqlite.limits has the tables.

local lanes = {}

-- Lanes that are named, and messages that are counted: more are "at least" this many.
local MOST, COUNTED = 10, 20000

local WAITING = [[
  SELECT lane, count(*) AS waiting,
    (SELECT count(*) FROM holds WHERE holds.lane = parked.lane) AS running
  FROM (SELECT lane FROM messages WHERE since IS NOT NULL AND lane <> '' LIMIT ?) AS parked
  GROUP BY lane ORDER BY waiting DESC, lane LIMIT ?]]

---@class watchbot.LaneCounts
---@field lane string the limit and the key
---@field waiting integer messages behind it
---@field running integer

--- The lanes in which messages wait, the longest first.
---@param database watchbot.Database
---@return watchbot.LaneCounts[]?
---@return string? err
---@return string? code
function lanes.list(database)
  return database:all(WAITING, COUNTED, MOST)
end

return lanes
