-- A message says where AWS says so, and the page is of AWS.

local options = require "watchbot.template.options"
local pages = require "watchbot.template.pages"

-- Keys for rules that are about more than one option.
local others = { size = true, volumes = true, fargate = true, size64 = true, queueName = true,
  dynamicReference = true }

describe("the pages of AWS", function()
  it("are of options that there are", function()
    for name, page in pairs(pages) do
      assert.is_truthy(options.by_name[name] or others[name], name)
      assert.matches("^https://docs%.aws%.amazon%.com/.+%.html$", page)
    end
  end)
end)
