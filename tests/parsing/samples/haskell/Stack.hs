{-# LANGUAGE GADTs #-}
-- | A stack.
module Data.Stack
  ( Stack
  , push
  ) where

import qualified Data.Map as Map

-- | The stack itself.
data Stack a
  = Empty
  | Push a (Stack a)
  deriving (Show, Eq)

newtype Name = Name { unName :: String }

type Depth = Int

-- | Things with a size.
class Sized f where
  size :: f a -> Int
  size _ = 0

instance Sized Stack where
  size Empty = 0
  size (Push _ rest) = 1 + size rest

-- | Puts one on top.
push :: a -> Stack a -> Stack a
push x Empty = Push x Empty
push x stack = Push x stack

limit :: Int
limit = 10

type family Elem c

(<+>) :: Stack a -> Stack a -> Stack a
a <+> Empty = a
a <+> b = b

main :: IO ()
main = do
  print limit
  where
    local = 1
