package com.example

import kotlinx.coroutines.flow.Flow

const val LIMIT = 10

typealias Handler = (String) -> Unit

/** Where users live. */
interface Repo {
    suspend fun find(id: Long): User?
}

@Serializable
data class User(val id: Long, val name: String) {
    val initials: String
        get() = name.take(1)

    fun greet() = "Hi $name"

    companion object {
        const val GUEST = "guest"

        fun guest() = User(0, GUEST)
    }
}

object Registry {
    private val users = mutableListOf<User>()

    // Adds one.
    fun add(user: User) {
        users += user
    }
}

enum class Role(val rank: Int) {
    ADMIN(1),
    GUEST(9);

    fun canWrite() = rank < 5
}

sealed class Result {
    class Ok(val user: User) : Result()
    object Missing : Result()
}

fun String.slug(): String = lowercase().replace(" ", "-")

@Test
fun main() {
    println("x".slug())
}
