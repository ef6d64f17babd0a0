<?php

declare(strict_types=1);

namespace App\Mail;

use Psr\Log\LoggerInterface;

const RETRIES = 3;
define('DEBUG', false);

/**
 * Sends mail.
 */
#[AsService]
final class Mailer extends Base implements Sender
{
    use Loggable;

    public const FROM = 'a@example.org';
    private array $queue = [];

    public function __construct(private LoggerInterface $log)
    {
    }

    /** Sends one. */
    #[Retry(3)]
    public function send(string $to, string $body): bool
    {
        return mail($to, '', $body);
    }

    public static function create(): static
    {
        return new static(new NullLogger());
    }
}

interface Sender
{
    public function send(string $to, string $body): bool;
}

trait Loggable
{
    protected function log(string $line): void
    {
    }
}

enum Priority: int
{
    case Low = 1;
    case High = 2;

    public function label(): string
    {
        return $this->name;
    }
}

// Cleans an address.
function clean(string $address): string
{
    return trim($address);
}

$mailer = Mailer::create();
?>
<p>Done</p>
