-- The drivers of `make fuzz` that are written in Lua. They run only by hand: one called a function
-- as it had been called before, and ended at its first input unseen.

local READERS = "spec/fuzz/readers/"

local INPUTS = {
  "", "\0", "--limit=3\0-n3\0--\0x", "{}", '{"Message":"m","Subject":"s","MessageId":"i"}',
  "<a><b>1</b></a>", "[default]\nregion = eu-west-1\n", "HTTP/1.1 200 OK\r\n\r\n",
  ("x"):rep(5000), "\xFF\xFE\x80", "https://sqs.eu-west-1.amazonaws.com/1/jobs",
}

describe("the driver", function()
  for name in io.popen("ls " .. READERS):lines() do
    it(name .. " runs", function()
      local read = dofile(READERS .. name)
      for _, input in ipairs(INPUTS) do read(input) end
    end)
  end
end)
