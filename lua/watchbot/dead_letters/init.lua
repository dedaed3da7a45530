--- dead_letters: the messages that failed too often, of either kind of queue.
-- The seam: what `open` returns answers count, page, replay, replay_all, delete, purge and close,
-- and a command does not see which kind it is. spec/dead_letters/contract.lua says what each does.

local open_queue = require("watchbot.queue").open

---@class watchbot.DeadLetter
---@field id string
---@field body string any bytes
---@field subject string? only of the embedded queue; in SQS it is in the body, in SNS's envelope
---@field attributes table<string, { type: string, value: string }>
---@field receives integer
---@field sent integer? milliseconds since the epoch
---@field first_received integer?
---@field died integer? SQS tells it only of those that were buried
---@field reason string? of those that were buried
---@field key string? on SQS, the id that a buried letter has in its queue; `id` is what it had
--- before
---@field group string?
---@field deduplication string?

---@alias watchbot.NotDone watchbot.DeadLetterFailure[]|string
---@alias watchbot.ReplayOptions { rate: number?, tell: fun(words: string)? }

---@class watchbot.DeadLetters
---@field name string of the dead-letter queue
---@field embedded boolean
---@field warnings string[] what the user should know before letters are read
---@field count fun(self): integer?, string?, string? how many there are, approximately
---@field page fun(self, max: integer?): watchbot.DeadLetter[]?, string?, string? those that no page
--- had yet, oldest first as far as the queue knows; none at the end. What was replayed from a page,
--- and died again, is in no other
---@field unreachable fun(self): integer how many letters no page can have, approximately, at the
--- end
---@field replay fun(self, letters: watchbot.DeadLetter[]): integer?, watchbot.NotDone, any
--- moves letters of pages back to their source queue; returns how many, those that are still here,
--- and { err, code } if the others would fail as well
---@field replay_all fun(self, options: watchbot.ReplayOptions): integer?, string?, string? puts all
--- back, in the way that is quickest; "Unsupported" when there is none better than page and replay
---@field delete fun(self, letters: watchbot.DeadLetter[]): integer?, watchbot.NotDone, any
--- deletes letters of pages; returns the same
---@field purge fun(self): integer?, string?, string? deletes all; returns their
--- approximate number
---@field close fun(self) what was read and not settled is as it was; also `<close>`

---@class watchbot.DeadLetterFailure
---@field letter watchbot.DeadLetter
---@field message string
---@field code string

local dead_letters = {}

---@class watchbot.DeadLettersOptions
---@field queue string? URL of the queue whose letters they are; on SQS also of the dead-letter
--- queue itself
---@field dead_letter_queue string? URL, where SQS is not to be asked for it
---@field visibility number? seconds after which what a reader has read is seen by others should it
--- be killed; SQS only. Default: a minute, and more where there are many
---@field warn fun(message: string)? hears of what does not stop the work

--- Opens the dead letters of a queue. Waits in a task.
---@param options watchbot.DeadLettersOptions
---@return watchbot.DeadLetters?
---@return string? err
---@return string? code
function dead_letters.open(options)
  local url = options.queue or options.dead_letter_queue
  local queue, err, code = open_queue(url, { create = false })
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
