--- dead_letters: the messages that failed too often, of both kinds of queue.
-- The interface: `open` returns an object with count, page, replay, replay_all, delete, purge and
-- close, the same for both kinds. spec/dead_letters/contract.lua defines their behavior.

local open_queue = require("watchbot.queue").open

---@class watchbot.DeadLetter
---@field id string
---@field body string any bytes
---@field subject string? only of the embedded queue; in SQS it is in the body, in SNS's envelope
---@field attributes table<string, { type: string, value: string }>
---@field receives integer
---@field sent integer? milliseconds since the epoch
---@field first_received integer?
---@field died integer? SQS has it only for buried messages
---@field reason string? of buried messages
---@field key string? on SQS, the id of a buried letter in the dead-letter queue; `id` is its former
--- id
---@field group string?
---@field priority integer? other than 0; only of the embedded queue
---@field deduplication string?

---@alias watchbot.NotDone watchbot.DeadLetterFailure[]|string
---@alias watchbot.ReplayOptions { rate: number?, tell: fun(words: string)? }

---@class watchbot.DeadLetters
---@field name string of the dead-letter queue
---@field embedded boolean
---@field warnings string[] warnings to show before letters are read
---@field count fun(self): integer?, string?, string? their approximate number
---@field page fun(self, max: integer?): watchbot.DeadLetter[]?, string?, string? letters that no
--- page had yet, in the order of the queue; an empty page at the end. A letter that was replayed
--- from a page and failed again is in no further page
---@field unreachable fun(self): integer the approximate number of letters that no page can have, at
--- the end
---@field replay fun(self, letters: watchbot.DeadLetter[]): integer?, watchbot.NotDone, any moves
--- letters of pages back to their source queue; returns their number, the letters that are still
--- here, and { err, code } if the others would fail as well
---@field replay_all fun(self, options: watchbot.ReplayOptions): integer?, string?, string? returns
--- all letters in the fastest way; "Unsupported" if that is page and replay
---@field delete fun(self, letters: watchbot.DeadLetter[]): integer?, watchbot.NotDone, any
--- deletes letters of pages; returns the same as `replay`
---@field purge fun(self): integer?, string?, string? deletes all; returns their
--- approximate number
---@field close fun(self) returns letters that were read and not settled; also `<close>`

---@class watchbot.DeadLetterFailure
---@field letter watchbot.DeadLetter
---@field message string
---@field code string

local dead_letters = {}

---@class watchbot.DeadLettersOptions
---@field queue string? URL of the source queue; on SQS, the URL of the dead-letter queue is
--- accepted
--- as well
---@field dead_letter_queue string? URL; default: SQS is asked for it
---@field visibility number? visibility timeout of letters that are read; SQS only. Default: a
--- minute, longer if there are many
---@field reading boolean? the letters are only read: a queue file need not be writable
---@field warn fun(message: string)? called for problems that do not stop the work

-- The errors of opening a queue file that this user, or this file system, does not let be written.
local UNWRITABLE = { SQLITE_READONLY = true, SQLITE_CANTOPEN = true, EACCES = true, EROFS = true }

local function open_source(url, reading)
  local queue, err, code = open_queue(url, { create = false })
  if not queue and reading and UNWRITABLE[code] then
    local looked = open_queue(url, { read_only = true })
    if looked then return looked end
  end
  return queue, err, code
end

--- Opens the dead letters of a queue. Waits in a task.
---@param options watchbot.DeadLettersOptions
---@return watchbot.DeadLetters?
---@return string? err
---@return string? code
function dead_letters.open(options)
  local url = options.queue or options.dead_letter_queue
  local queue, err, code = open_source(url, options.reading)
  if not queue then return nil, err, code end
  if not queue.embedded then return require "watchbot.dead_letters.sqs".open(queue, options) end
  if options.dead_letter_queue then
    queue:close()
    return nil, ("queue '%s': the dead letters of an embedded queue are in its own file"):format(
      url), "Usage"
  end
  return require "watchbot.dead_letters.sqlite".open(queue)
end

return dead_letters
