-- Both policies with real queues: in which order the worker gets what was sent.
local shell = require "support.shell"
local workshop = require "support.workshop"

local HERE = "doc/examples/priorities/"

local ENVIRONMENT = { QueueUrl = false, WORK_QUEUE = false }

local function run(folder, ...)
  local exit, log = workshop.run(folder, { ... }, ENVIRONMENT)
  assert.are.equal(0, exit.code, log)
end

describe("the example priorities", function()
  it("runs urgent subjects first", workshop.task(function(folder)
    assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
    for index, subject in ipairs { "newsletter", "other", "invoice", "other", "password" } do
      run(folder, "send", "--queue", "sqlite:jobs.db", "--subject", subject, tostring(index))
    end
    run(folder, "run", "--drain", "policy.lua")
    run(folder, "run", "--drain", "work.lua")
    assert.are.equal("password: 5\ninvoice: 3\nother: 2\nother: 4\nnewsletter: 1\n",
      folder:read "done.txt")
  end))
end)
