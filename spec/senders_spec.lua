-- Many lines, a kill in the middle, and many senders at a time. Of 10,000 lines to `send`, 8,693
-- were not sent for one that was empty; a send that was killed had sent 1,000 messages whose ids it
-- had not printed; of a hundred senders on a slow disk some gave up after 10 s. Large in `make soak
-- PARTS=senders`.

local senders = require "support.senders"
local workshop = require "support.workshop"

describe("watchbot send", function()
  it("sends all of a file but what cannot be sent", workshop.task(function(folder)
    senders.file_with_bad_lines(folder, 300)
  end))

  it("can be killed and resumed", workshop.task(function(folder)
    senders.killed_and_resumed(folder, 400)
  end))

  it("works for many at once on a slow disk", workshop.task(function(folder)
    senders.many_on_a_slow_disk(folder, 40, 2, 20)
  end))
end)
