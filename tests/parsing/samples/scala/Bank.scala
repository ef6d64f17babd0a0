package com.example

import scala.util.Try

/** Money in cents. */
case class Money(cents: Long) extends AnyVal {
  def +(other: Money): Money = Money(cents + other.cents)
  def isZero: Boolean = cents == 0
}

sealed trait Event
case object Opened extends Event

trait Account {
  type Id
  val owner: String
  def deposit(amount: Money): Unit
}

object Bank {
  val Limit = 100
  private var count = 0

  // Opens an account.
  @throws[IllegalStateException]
  def open(owner: String): Try[Account] = {
    count += 1
    ???
  }

  object Errors {
    class Broke(message: String) extends Exception(message)
  }
}

enum Color {
  case Red, Green
  case Mix(a: Int)
}

given ordering: Ordering[Money] = Ordering.by(_.cents)

extension (s: String)
  def shout: String = s.toUpperCase

type Ledger = Map[String, Money]

def topLevel(x: Int): Int = x + 1
