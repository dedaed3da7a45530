--- buckets: names in Amazon S3: of buckets, of objects, and both as "s3://bucket/folder".

local buckets = {}

-- The longest key, in bytes.
local LONGEST_KEY = 1024

-- What S3 reserves: the beginnings and ends of names.
local RESERVED = {
  "^xn%-%-", "^sthree%-", "^amzn%-s3%-demo%-", "%-s3alias$", "%-%-ol%-s3$", "%.mrap$", "%-%-x%-s3$",
  "%-%-table%-s3$",
}

local function is_reserved(name)
  for _, pattern in ipairs(RESERVED) do
    if name:find(pattern) then return true end
  end
  return false
end

--- Whether a bucket can have this name.
--- https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
---@param name any
---@return boolean
function buckets.is_bucket(name)
  return type(name) == "string" and #name >= 3 and #name <= 63
    and name:find "^[%l%d][%l%d.-]*[%l%d]$" ~= nil and not name:find("..", 1, true)
    and not name:find "^%d+%.%d+%.%d+%.%d+$" and not is_reserved(name)
end

--- Whether an object can have this key.
--- https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
---@param key any
---@return boolean
function buckets.is_key(key)
  return type(key) == "string" and key ~= "" and #key <= LONGEST_KEY and utf8.len(key) ~= nil
    and not key:find("\0", 1, true)
end

--- The bucket of "s3://bucket/folder", and what the keys in the folder begin with: "folder/", or ""
--- for the whole bucket.
---@param url any
---@return string? bucket nil if it is not such a URL
---@return string? prefix
function buckets.parse(url)
  local bucket, folder = tostring(url):match "^s3://([^/]+)/?(.*)$"
  if not bucket or not buckets.is_bucket(bucket) then return nil end
  folder = folder:gsub("/+$", "")
  if folder == "" then return bucket, "" end
  -- Names of objects are added to it.
  if #folder > LONGEST_KEY - 256 or not buckets.is_key(folder) then return nil end
  return bucket, folder .. "/"
end

return buckets
